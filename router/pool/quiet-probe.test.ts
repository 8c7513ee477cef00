import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createHttpServer } from "@tandem/libs/http";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { startProbe } from "./probe.ts";

const world = realWorld();
const periodMs = 60;
/** Four periods, and some room for timers. */
const quietMsMin = periodMs * 4 * 0.9;

/** A replica that answers probes, and when each of them came. */
async function probed(context: TestContext, { isReady = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tandem-probe-"));
  const state = { isReady, isQuiet: true, waiting: (): void => undefined };
  const askedAtMs: number[] = [];
  let answers = 0;
  const server = createHttpServer({
    world,
    log: createLog({ level: "error", fields: {} }),
    onExchange: (exchange) => {
      askedAtMs.push(world.clock.monotonicMs());
      exchange.respond(state.isReady ? 200 : 503, [], "");
    },
  });
  const address = `unix:${join(folder, "x.sock")}` as const;
  await server.listen(address);
  const probe = startProbe({
    ...{ address, world, periodMs, timeoutMs: 1_000 },
    isQuiet: () => state.isQuiet,
    onResult: () => {
      answers += 1;
      state.waiting();
    },
  });
  context.after(async () => {
    probe.stop();
    await server.close({ deadlineMs: 1_000 });
    rmSync(folder, { recursive: true });
  });
  const untilAnswered = (count: number): Promise<void> =>
    new Promise((resolve) => {
      state.waiting = () => {
        if (answers >= count) resolve();
      };
      state.waiting();
    });
  const pauses = (from: number): readonly number[] =>
    askedAtMs.slice(from).map((atMs, index) => atMs - (askedAtMs[from + index - 1] ?? 0));
  return { state, probe, untilAnswered, pauses, askedAtMs };
}

test("a ready replica that nobody sends anything is asked seldom, and at once when they begin", async (context) => {
  const { state, probe, untilAnswered, pauses, askedAtMs } = await probed(context);
  await untilAnswered(5);
  assert.ok(
    pauses(3).every((pauseMs) => pauseMs >= quietMsMin - 2),
    String(pauses(3)),
  );
  state.isQuiet = false;
  const begunMs = world.clock.monotonicMs();
  probe.hurry();
  await untilAnswered(6);
  assert.ok((askedAtMs[5] ?? 0) - begunMs < periodMs, "it was not asked at once");
  await untilAnswered(9);
  assert.ok(Math.min(...pauses(6)) < quietMsMin, String(pauses(6)));
});

test("one that is not ready is asked at the full pace, though it is quiet", async (context) => {
  const { state, untilAnswered, pauses } = await probed(context, { isReady: false });
  await untilAnswered(4);
  assert.ok(Math.min(...pauses(1)) < quietMsMin, String(pauses(1)));
  state.isReady = true;
  await untilAnswered(8);
  assert.ok(Math.max(...pauses(6)) >= quietMsMin - 2, String(pauses(6)));
});
