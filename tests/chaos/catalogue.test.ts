/** The short form of `npm run chaos`: the living faults that CI has the time for, on one product. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalogue } from "./catalogue.ts";
import { type FaultHouse, openFaultHouse } from "./fault-house.ts";
import { runFault } from "./run-fault.ts";

let house: FaultHouse | undefined;

before(async () => {
  house = await openFaultHouse({ topology: "tandem" });
});
after(async () => {
  assert.deepEqual(await house?.close(), [], "processes were left behind");
});

for (const { live } of catalogue) {
  if (live?.seconds.short === undefined) continue;
  test(`${live.id}: ${live.what}`, async (context) => {
    assert.ok(house);
    const told: string[] = [];
    const tell = (line: string): void => void told.push(line);
    const { verdict, reasons, figures } = await runFault(house, live, {
      ...{ form: "short", seed: 1, tell },
    });
    context.diagnostic(JSON.stringify(figures));
    // A machine without Redis has nothing to kill.
    if (verdict === "not run") context.diagnostic(reasons.join());
    else assert.deepEqual(reasons, [], told.slice(0, 20).join("\n"));
  });
}
