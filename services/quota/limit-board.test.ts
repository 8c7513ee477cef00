import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit } from "./core/limit.ts";
import { LimitBoard } from "./limit-board.ts";
import { subject } from "./testing/scenario.ts";

const none = { requestsPerMinute: 0, tokensPerMinute: 0, concurrency: 0 };
const own: Limit = {
  setBy: "organisation",
  raise: undefined,
  id: "lim_1",
  subject: subject("org_a"),
  kind: "requests",
  amount: 5,
  windowMs: 1_000,
  version: 1n,
};
const changed = { sequence: 2n, organisationIds: ["org_a"], isReset: false };

test("limits are read once and kept until they change", async () => {
  let readings = 0;
  const find = async (): Promise<readonly Limit[]> => {
    readings += 1;
    return [{ ...own, amount: readings }];
  };
  const board = new LimitBoard({ find, defaults: none });
  await board.limitsOf("org_a");
  assert.equal((await board.limitsOf("org_a"))[0]?.amount, 1);
  board.forget(changed);
  assert.equal((await board.limitsOf("org_a"))[0]?.amount, 2);
  board.forget({ ...changed, organisationIds: [], isReset: true });
  assert.equal((await board.limitsOf("org_a"))[0]?.amount, 3);
});

test("a reading that a change overtook is used once and not kept", async () => {
  const readings: ((limits: readonly Limit[]) => void)[] = [];
  const find = (): Promise<readonly Limit[]> =>
    new Promise((resolve) => {
      readings.push(resolve);
    });
  const board = new LimitBoard({ find, defaults: none });
  const overtaken = board.limitsOf("org_a");
  board.forget(changed);
  readings[0]?.([own]);
  await overtaken;
  const fresh = board.limitsOf("org_a");
  readings[1]?.([]);
  assert.deepEqual(await fresh, []);
});

test("an organisation has the default of each kind that it has no wide limit of", async () => {
  const narrow: Limit = {
    ...own,
    id: "lim_2",
    kind: "tokens",
    subject: subject("org_a", { keyId: "k" }),
  };
  const board = new LimitBoard({
    find: async () => [own, narrow],
    defaults: { requestsPerMinute: 60, tokensPerMinute: 1_000, concurrency: 0 },
  });
  const limits = await board.limitsOf("org_a");
  assert.deepEqual(
    limits.map(({ id }) => id),
    ["lim_1", "lim_2", "default:tokens"],
  );
});
