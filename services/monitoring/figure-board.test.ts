import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { FigureSchema } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { FigureBoard } from "./figure-board.ts";

const figure = create(FigureSchema, { name: "tandem_events_parked", value: 1 });

test("figures that did not change are fresh for as long as their process says so", () => {
  const board = new FigureBoard();
  assert.equal(board.renew("auth-1 7", 0), false, "nobody has told them");
  assert.equal(board.put("auth-1 7", [figure], 1_000), true);
  assert.equal(board.renew("auth-1 7", 6_000), true);
  assert.deepEqual(
    board.fresh(11_000).map(({ name, value }) => [name, value]),
    [["tandem_events_parked", 1]],
  );
});

test("those of a process that was silent are forgotten, and have to be told anew", () => {
  const board = new FigureBoard();
  board.put("auth-1 7", [figure], 1_000);
  assert.deepEqual(board.fresh(20_000), []);
  assert.equal(board.renew("auth-1 7", 20_000), false);
});
