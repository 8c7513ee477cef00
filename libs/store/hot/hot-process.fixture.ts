/**
 * A process of its own on a shared hot store: `hot-process.fixture.ts URL TASK KEY`. Prints a line
 * for each thing done; ends when it has nothing to do, or is killed.
 */
import { writeSync } from "node:fs";
import { createLog } from "../../telemetry/index.ts";
import { realWorld } from "../../world/index.ts";
import { openHotStore } from "./open-hot-store.ts";

const [url = "", task = "", key = ""] = process.argv.slice(2);
const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
const life = { ttlMs: 600_000 };
const store = await openHotStore(url, { world, log });

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  /** Adds one for ever; prints after each. */
  count: async () => {
    for (;;) {
      await store.increment(key, 1, life);
      writeSync(1, "1\n");
    }
  },
  /** Takes until refused; prints how many it got. */
  take: async () => {
    const limit = { limit: 1000, periodMs: 3_600_000, burst: 1000 };
    let taken = 0;
    while ((await store.take([{ key, cost: 1, limit }])).allowed) taken += 1;
    writeSync(1, `${taken}\n`);
    await store.close();
  },
  /** Prints each message; ends at the message "end". */
  listen: async () => {
    await new Promise<void>((resolve) => {
      const onMessage = (message: Buffer): void => {
        writeSync(1, `${message}\n`);
        if (message.toString() === "end") resolve();
      };
      void store.subscribe(key, { onMessage, onGap: () => writeSync(1, "gap\n") }).then(() => {
        writeSync(1, "listening\n");
      });
      world.timers.after(20_000, resolve);
    });
    await store.close();
  },
};

await tasks[task]?.();
process.exit();
