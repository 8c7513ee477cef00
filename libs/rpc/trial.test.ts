import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { Fault } from "../kernel/index.ts";
import { createLog } from "../telemetry/index.ts";
import { seededRandom } from "../testing/index.ts";
import { realWorld, type World } from "../world/index.ts";
import {
  createPassportSigner,
  createPassportVerifier,
  createReplicaSet,
  createRpcClient,
  createRpcServer,
  type Handlers,
  implement,
} from "./index.ts";

const seeded = seededRandom("trial");
const world: World = { ...realWorld(), randomness: seeded };
const nowMs = (): number => world.clock.nowMs();
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const directory = mkdtempSync(join(tmpdir(), "tandem-trial-"));
after(() => rmSync(directory, { recursive: true }));

type AuthHandlers = Handlers<(typeof AuthService)["method"]>;

async function serve(name: string, handlers: Partial<AuthHandlers>): Promise<void> {
  const unused = Object.fromEntries(
    AuthService.methods.map(({ localName }) => [localName, () => Promise.reject(new Error())]),
  ) as unknown as AuthHandlers;
  const server = await createRpcServer({
    address: `unix:${join(directory, name)}`,
    implementations: [implement(AuthService, { ...unused, ...handlers })],
    verifier: createPassportVerifier({
      audience: "auth",
      publicKeys: () => new Map([["ai", [publicKey]]]),
      mayCall: () => true,
      nowMs,
    }),
    unreadyChecks: () => [],
    world,
    log: createLog({ level: "error", fields: {}, write: () => undefined }),
  });
  after(() => server.close({ deadlineMs: 0 }));
}

/** By sockets, as from another process, or by the short way to a neighbour in this one. */
function connect(names: readonly string[], isOnTrial: (name: string) => boolean, way = "/./") {
  const shares = new Map(names.map((name) => [`unix:${directory}${way}${name}`, isOnTrial(name)]));
  const replicas = createReplicaSet({
    addresses: names.map((name): `unix:${string}` => `unix:${directory}${way}${name}`),
    world,
    weightOf: (address) => (shares.get(address) === true ? 0.2 : 1),
  });
  after(() => replicas.close());
  const signer = createPassportSigner({ issuer: "ai", privateKey: () => privateKey, nowMs });
  const client = createRpcClient(AuthService, { deployable: "auth", replicas, signer, world });
  const figuresOf = (name: string) => {
    const target = replicas.targets.find(({ address }) => address.endsWith(`/${name}`));
    const { attempts = 0, failures = 0, latencyCounts = [] } = target?.tally.figures() ?? {};
    return { attempts, failures, timed: latencyCounts.reduce((sum, count) => sum + count, 0) };
  };
  return { client, replicas, figuresOf };
}

const isFresh = (name: string): boolean => name.startsWith("fresh");

await serve("old", {
  verifyKey: async () => ({ refusal: "old" }),
  updateKey: async () => ({ name: "old" }),
});
await serve("fresh good", { verifyKey: async () => ({ refusal: "fresh" }) });
await serve("fresh bad", {
  verifyKey: async () => {
    throw new TypeError("a bug of this release");
  },
  updateKey: async () => {
    throw new TypeError("a bug of this release");
  },
});

describe("while a replica is on trial", () => {
  test("it gets its share of the calls, and full part once it has stood the test", async () => {
    const { client, replicas, figuresOf } = connect(["old", "fresh good"], isFresh);
    const rounds = 400;
    for (let round = 0; round < rounds; round += 1) await client.verifyKey({});
    const { attempts } = figuresOf("fresh good");
    assert.ok(Math.abs(attempts / rounds - 0.2) < 0.06, `${attempts} of ${rounds}`);
    assert.deepEqual(figuresOf("old").attempts, rounds - attempts);
    replicas.setAddresses(replicas.targets.map(({ address }) => address));
    for (let round = 0; round < rounds; round += 1) await client.verifyKey({});
    assert.equal(figuresOf("fresh good").attempts - attempts, rounds / 2);
  });

  test("what it breaks is done by another one, if it may be repeated, and counts against it", async () => {
    const { client, figuresOf } = connect(["old", "fresh bad"], isFresh);
    for (let round = 0; round < 100; round += 1) {
      assert.equal((await client.verifyKey({})).refusal, "old");
    }
    const { attempts, failures } = figuresOf("fresh bad");
    assert.ok(attempts > 5);
    assert.equal(failures, attempts);
    assert.deepEqual(figuresOf("old"), { attempts: 100, failures: 0, timed: 100 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, () => client.updateKey({})),
    );
    const rejected = outcomes.filter(({ status }) => status === "rejected").length;
    assert.ok(rejected > 0, "what may not be repeated is not");
    assert.equal(figuresOf("fresh bad").attempts, attempts + rejected);
  });

  test("one that is gone costs nothing: all calls go to the others", async () => {
    const { client, figuresOf } = connect(["old", "fresh and gone"], isFresh);
    for (let round = 0; round < 100; round += 1) {
      assert.equal((await client.verifyKey({})).refusal, "old");
    }
    const { attempts, failures } = figuresOf("fresh and gone");
    assert.ok(attempts > 0);
    assert.equal(failures, attempts);
  });

  test("without a trial a fault goes to the caller at once", async () => {
    const { client, figuresOf } = connect(["old", "fresh bad"], () => false);
    const outcomes = await Promise.allSettled([client.verifyKey({}), client.verifyKey({})]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    assert.deepEqual(figuresOf("fresh bad"), { attempts: 1, failures: 1, timed: 0 });
  });
});

describe("what counts against a replica", () => {
  const answers: Partial<AuthHandlers> = {
    verifyKey: async ({ secretHash }) => {
      const [code, blame] =
        secretHash.length === 0
          ? (["not_found", "client"] as const)
          : (["unavailable", "platform"] as const);
      throw new Fault({ code, blame, reason: "auth.test", publicMessage: "No." });
    },
    getKey: () => new Promise(() => undefined),
    watchRevocations: async () => ({ sequence: 1n }),
  };

  for (const way of ["/./", "/"]) {
    const by = way === "/" ? "a neighbour in the process" : "a socket";
    test(`its own faults and its silence, never what a caller did wrong, by ${by}`, async () => {
      const name = `counted by ${by}`;
      await serve(name, answers);
      const { client, figuresOf } = connect([name], isFresh, way);
      await assert.rejects(client.verifyKey({}), { code: "not_found" });
      assert.deepEqual(figuresOf(name), { attempts: 1, failures: 0, timed: 1 });
      const secretHash = new Uint8Array([1]);
      await assert.rejects(client.verifyKey({ secretHash }), { reason: "auth.test" });
      assert.deepEqual(figuresOf(name), { attempts: 2, failures: 1, timed: 1 });
      const silent = client.getKey({}, { deadlineMs: 50 });
      await assert.rejects(silent, { reason: "rpc.deadline_exceeded" });
      assert.deepEqual(figuresOf(name), { attempts: 3, failures: 2, timed: 1 });
      await client.watchRevocations({});
      assert.deepEqual(figuresOf(name), { attempts: 4, failures: 2, timed: 1 });
    });
  }
});
