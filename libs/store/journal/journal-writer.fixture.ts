/**
 * Appends numbered records, 16 at a time, and prints each position once it is acknowledged.
 * Arguments: the directory, and milliseconds that an fsync may lag behind.
 */
import { writeSync } from "node:fs";
import { createLog } from "../../telemetry/index.ts";
import { realWorld } from "../../world/index.ts";
import { openJournal } from "./journal.ts";

const [directory = "", lag = "0"] = process.argv.slice(2);
const log = createLog({ level: "error", fields: {} });
const journal = await openJournal(directory, {
  ...{ world: realWorld(), log, segmentBytes: 20_000 },
  ...(lag !== "0" && { syncLagMs: Number(lag) }),
});
for (let next = journal.nextPosition; ; next += 16) {
  await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const text = `record ${next + index} `.padEnd(20 + ((next + index) % 300), "x");
      const position = await journal.append(Buffer.from(text));
      writeSync(1, `${position}\n`);
    }),
  );
}
