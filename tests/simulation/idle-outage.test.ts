/** Callers who were idle when quota went away, through the public door of the simulated house. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest } from "./history.ts";
import { SimulatedClient } from "./house/client.ts";
import { type IssuedKey, SimulatedTandem } from "./house/tandem.ts";

/** An odd seed: leases are valid for 90 s, as in production. */
const seed = 7;
const everyMs = 250;

async function open(walletNanos?: bigint) {
  const house = new SimulatedTandem({
    seed,
    ...(walletNanos === undefined ? {} : { walletNanos }),
    limits: [],
  });
  const key = house.issueKey(1);
  await house.start();
  const client = new SimulatedClient(house);
  const wait = (ms: number): Promise<void> => house.scheduler.runUntil(house.nowMs + ms);
  return { house, key, client, wait };
}

type Opened = Awaited<ReturnType<typeof open>>;

async function ask({ client, wait }: Opened, key: IssuedKey, count: number) {
  const requests: ClientRequest[] = [];
  for (let at = 0; at < count; at += 1) {
    requests.push(client.send({ key, isStream: at % 2 === 0, tokens: 4 }));
    await wait(everyMs);
  }
  await wait(2_000);
  return requests;
}

const outcomes = (requests: readonly ClientRequest[]) =>
  requests.map(({ status, outcome }) => `${status} ${outcome}`);

for (const idleMs of [15_000, 120_000]) {
  test(`idle for ${idleMs / 1_000} s, then quota dies: served, and told that it is degraded`, async () => {
    const opened = await open();
    const { house, key, wait } = opened;
    const before = await ask(opened, key, 12);
    assert.ok(before.every(({ outcome }) => outcome === "whole"));
    await wait(idleMs);
    assert.ok(house.quota.heldNanos > 0n);
    assert.ok(house.quota.heldNanos * 10n <= house.quota.balanceOf("wallet:org_1"));
    for (const name of ["quota-1", "quota-2"]) house.kill(name);
    await wait(2_000);
    const during = await ask(opened, key, 8);
    assert.deepEqual(
      outcomes(during),
      during.map(() => "200 whole"),
    );
    for (const { fields } of during) assert.ok(fields["x-tandem-degraded"] !== undefined);
    for (const name of ["quota-1", "quota-2"]) house.startProcess(name);
    await wait(5_000);
    house.quota.callAllIn();
    await wait(2_000);
    assert.equal(house.quota.heldNanos, 0n);
  });
}

/** Another replica takes all that lies in the wallet for requests of its own. */
function takeTheRest(house: SimulatedTandem): void {
  const organisationId = "org_1";
  const neededNanos = house.quota.balanceOf("wallet:org_1");
  const { grantedNanos } = house.quota.leaseWallet({
    ...{ leaseId: "lse_other", holder: "ai-9", incarnation: "1", organisationId, call: 1n },
    subject: { organisationId, projectId: "", userId: "", keyId: "", model: "" },
    ...{ neededNanos, leastNanos: neededNanos, carvedNanos: 0n, returnedNanos: 0n },
    ...{ keptNanos: undefined, ceilingNanos: undefined },
  });
  assert.equal(grantedNanos, neededNanos);
}

test("what stands at gateways is spent to the last request, over any of them", async () => {
  const opened = await open(6_000_000n);
  const { house, key, wait } = opened;
  await ask(opened, key, 6);
  await wait(15_000);
  assert.ok(house.quota.heldNanos > 0n);
  takeTheRest(house);
  const spent = await ask(opened, key, 20);
  assert.equal(spent.at(-1)?.status, 402);
  assert.equal(spent[0]?.status, 200);
  const other = house.quota.balanceOf("hold:lse_other");
  const leftNanos = house.quota.balanceOf("wallet:org_1") + house.quota.heldNanos - other;
  const [{ reservedNanos } = { reservedNanos: 0n }] = house.history.settlements;
  assert.ok(leftNanos < reservedNanos, `${leftNanos} left, ${reservedNanos} needed`);
  assert.ok(house.history.settlements.every(({ oddities }) => oddities.length === 0));
});
