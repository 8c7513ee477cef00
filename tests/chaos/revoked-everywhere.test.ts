/**
 * How fast a revoked key is refused by every replica of every gateway, each asked at its own door:
 * real processes, so that nobody waits for the measuring itself.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { httpRequest } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { openProduct, type Product } from "../integration/product.ts";

/** The promise is held to with TANDEM_REVOCATIONS=200, on a quiet machine. */
const asked = Number(realWorld().environment["TANDEM_REVOCATIONS"] ?? 0);
const isLong = asked > 0;
const promiseMs = 100;
/** Tests share their machine. */
const sharedMs = 1_500;
const betweenAsksMs = 2;

const pathOf = { access: "/api/v1/projects", business: "/api/v1/packs", ai: "/v1/models" } as const;

let product: Product;
let doors: readonly { readonly address: string; readonly path: string }[];

before(async () => {
  product = await openProduct();
  const { runDirectory } = await product.tandem.status();
  doors = (["access", "business", "ai"] as const).flatMap((gateway) =>
    [1, 2].map((number) => ({
      address: `unix:${runDirectory}/sockets/${gateway}-${number}.sock`,
      path: pathOf[gateway],
    })),
  );
});
after(() => product.close());

async function statusAt(door: (typeof doors)[number], key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  return (await httpRequest(door.address, { path: door.path, headers })).status;
}

/** Milliseconds from the revocation's answer until the last replica refuses. */
async function revokeOne(): Promise<number> {
  const made = await product.manage("POST", "/keys", {
    ...{ name: "to be revoked", scopes: ["manage:read", "inference"] },
  });
  const key = String(made["secret"]);
  const known = await Promise.all(doors.map((door) => statusAt(door, key)));
  assert.deepEqual(new Set(known), new Set([200]), String(known));
  await product.manage("DELETE", `/keys/${made["id"]}`);
  const startMs = performance.now();
  const refusedBy = async (door: (typeof doors)[number]): Promise<void> => {
    while ((await statusAt(door, key)) !== 401) {
      assert.ok(performance.now() - startMs < 10_000, `never refused by ${door.address}`);
      await pause(betweenAsksMs);
    }
  };
  await Promise.all(doors.map(refusedBy));
  return performance.now() - startMs;
}

test("a revoked key is refused by all six replicas at once", async (context) => {
  const took: number[] = [];
  while (took.length < (isLong ? asked : 40)) took.push(await revokeOne());
  took.sort((left, right) => left - right);
  const at = (share: number): number => took[Math.ceil(took.length * share) - 1] ?? 0;
  const [p50 = 0, p99 = 0, worst = 0] = [0.5, 0.99, 1].map(at);
  const told = [p50, p99, worst].map((ms) => ms.toFixed(1)).join(" / ");
  context.diagnostic(`p50 / p99 / worst of ${took.length} keys: ${told} ms`);
  assert.ok(p99 < (isLong ? promiseMs : sharedMs), told);
});
