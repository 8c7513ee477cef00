import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventLog } from "./event-log.ts";

test("events are numbered from one, however the text was cut, and comments are not", () => {
  const pieces = fc.array(fc.constantFrom("data: {}\n\n", "event: x\ndata: 1\n\n", ": alive\n\n"));
  fc.assert(
    fc.property(pieces, fc.nat(), (events, cut) => {
      const text = events.join("");
      const at = text.length === 0 ? 0 : cut % text.length;
      const log = new EventLog();
      log.add(text.slice(0, at));
      log.add(text.slice(at));
      const real = events.filter((event) => !event.startsWith(":"));
      assert.equal(log.count, real.length);
      assert.deepEqual(log.between(0, log.count), real);
      for (let after = 0; after <= real.length; after += 1) {
        assert.deepEqual(log.between(after, log.count), real.slice(after));
      }
    }),
  );
});

test("half an event is none yet, and dropped events are still counted", () => {
  const log = new EventLog();
  assert.deepEqual(log.add("data: a\n\ndata"), ["data: a\n\n"]);
  assert.equal(log.count, 1);
  log.drop();
  assert.deepEqual(log.add(": b\n\n"), ["data: b\n\n"]);
  assert.equal(log.count, 2);
});
