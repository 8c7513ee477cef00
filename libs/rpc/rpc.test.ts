import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { Fault } from "../kernel/index.ts";
import { createLog } from "../telemetry/index.ts";
import { realWorld } from "../world/index.ts";
import { findInProcess } from "./dispatch.ts";
import {
  type CallContext,
  createPassportSigner,
  createPassportVerifier,
  createReplicaSet,
  createRpcClient,
  createRpcServer,
  type Handlers,
  implement,
  type RpcServer,
} from "./index.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => undefined });
const gatewayKey = generateKeyPairSync("ed25519");
const strangerKey = generateKeyPairSync("ed25519");
const acceptedKeys = new Map([["ai", [gatewayKey.publicKey]]]);
const directory = mkdtempSync(join(tmpdir(), "tandem-rpc-"));
after(() => rmSync(directory, { recursive: true }));

type AuthHandlers = Handlers<(typeof AuthService)["method"]>;

const nobody = async (): Promise<never> => {
  throw new TypeError("not part of this test");
};
const unused = Object.fromEntries(
  AuthService.methods.map((method) => [method.localName, nobody]),
) as unknown as AuthHandlers;

function addressOf(name: string): `unix:${string}` {
  return `unix:${join(directory, name)}`;
}

function serve(name: string, handlers: Partial<AuthHandlers>): Promise<RpcServer> {
  return createRpcServer({
    address: addressOf(name),
    implementations: [implement(AuthService, { ...unused, ...handlers })],
    verifier: createPassportVerifier({
      audience: "auth",
      publicKeys: () => acceptedKeys,
      mayCall: (issuer) => issuer === "ai",
      nowMs: () => world.clock.nowMs(),
    }),
    unreadyChecks: () => [],
    world,
    log,
  });
}

/** A client that takes sockets even to servers of this process, as other processes would. */
function connect(names: readonly string[], privateKey = gatewayKey.privateKey) {
  const replicas = createReplicaSet({
    addresses: names.map((name): `unix:${string}` => `unix:${directory}/./${name}`),
    world,
  });
  const client = createRpcClient(AuthService, {
    deployable: "auth",
    replicas,
    signer: createPassportSigner({
      issuer: "ai",
      privateKey: () => privateKey,
      nowMs: () => world.clock.nowMs(),
    }),
    world,
  });
  return { client, close: () => replicas.close() };
}

const refusalOf = (name: string): Partial<AuthHandlers> => ({
  verifyKey: async () => ({ refusal: name, sequence: 7n }),
});

let first: RpcServer;
before(async () => {
  first = await serve("first", refusalOf("unknown"));
});
after(() => first.close({ deadlineMs: 100 }));

test("a call crosses a socket with its message, its id, its deadline and its caller", async () => {
  let seen: CallContext | undefined;
  const server = await serve("echo", {
    verifyKey: async (request, context) => {
      seen = context;
      return { refusal: Buffer.from(request.secretHash).toString("hex"), sequence: 2n ** 60n };
    },
  });
  const { client, close } = connect(["echo"]);
  const caller = {
    organisationId: "org_1",
    projectId: "prj_1",
    userId: "",
    keyId: "key_1",
    sessionId: "",
    scopes: ["inference"],
    roles: [],
  };
  const answer = await client.verifyKey(
    { secretHash: new Uint8Array([1, 255]) },
    { requestId: "req_9", deadlineMs: 1_500, caller },
  );
  assert.deepEqual([answer.refusal, answer.sequence], ["01ff", 2n ** 60n]);
  assert.equal(seen?.requestId, "req_9");
  assert.deepEqual(seen?.passport.scopes, ["inference"]);
  assert.equal(seen?.passport.issuer, "ai");
  assert.ok((seen?.remainingMs() ?? 0) <= 1_500);
  close();
  await server.close({ deadlineMs: 100 });
});

test("a fault arrives with its reason and public message, and without its detail", async () => {
  const server = await serve("faulty", {
    verifyKey: async () => {
      throw new Fault({
        code: "resource_exhausted",
        reason: "auth.busy",
        blame: "capacity",
        publicMessage: "Too many sign-ins.",
        detail: "pepper is 42",
        retryAfterMs: 1_500,
      });
    },
    getKey: async () => {
      throw new TypeError("password hunter2 is undefined");
    },
  });
  const { client, close } = connect(["faulty"]);
  await assert.rejects(client.verifyKey({}), (error: unknown) => {
    assert.ok(Fault.is(error));
    assert.deepEqual(
      [error.reason, error.code, error.retryAfterMs, error.publicMessage],
      ["auth.busy", "resource_exhausted", 1_500, "Too many sign-ins."],
    );
    assert.ok(!String(error.detail).includes("pepper"));
    return true;
  });
  await assert.rejects(client.getKey({}), (error: unknown) => {
    assert.ok(Fault.is(error) && error.code === "internal");
    assert.ok(!`${error.message}${error.publicMessage}`.includes("hunter2"));
    return true;
  });
  close();
  await server.close({ deadlineMs: 100 });
});

test("services trust no call without a valid passport of somebody the topology lets in", async () => {
  const { client, close } = connect(["first"], strangerKey.privateKey);
  await assert.rejects(client.verifyKey({}), { reason: "rpc.passport_refused" });
  close();
  const expired = createPassportSigner({
    issuer: "ai",
    privateKey: () => gatewayKey.privateKey,
    nowMs: () => world.clock.nowMs() - 120_000,
  });
  const verifier = createPassportVerifier({
    audience: "auth",
    publicKeys: () => acceptedKeys,
    mayCall: (issuer) => issuer === "ai",
    nowMs: () => world.clock.nowMs(),
  });
  assert.throws(() => verifier.verify(expired.signFor("auth")), /expired/);
  const signer = createPassportSigner({
    issuer: "ai",
    privateKey: () => gatewayKey.privateKey,
    nowMs: () => world.clock.nowMs(),
  });
  assert.throws(() => verifier.verify(signer.signFor("quota")), /not "auth"/);
  const good = signer.signFor("auth");
  const [payload = "", signature = ""] = good.split(".");
  const forged = Buffer.from(
    Buffer.from(payload, "base64url").toString().replace('"ai"', '"xx"'),
  ).toString("base64url");
  assert.throws(() => verifier.verify(`${forged}.${signature}`), /no key of issuer/);
  for (const text of [undefined, "", ".", "a.b", `${payload}.`]) {
    assert.throws(() => verifier.verify(text), { reason: "rpc.passport_refused" });
  }
  assert.equal(verifier.verify(good).issuer, "ai");
});

test("while a key is rotated both are good, then the old one opens nothing, not even from memory", () => {
  const nowMs = () => world.clock.nowMs();
  const next = generateKeyPairSync("ed25519");
  let { privateKey } = gatewayKey;
  let accepted = new Map([["ai", [gatewayKey.publicKey, next.publicKey]]]);
  const parts = { audience: "auth", mayCall: () => true, nowMs };
  const verifier = createPassportVerifier({ ...parts, publicKeys: () => accepted });
  const signer = createPassportSigner({ issuer: "ai", privateKey: () => privateKey, nowMs });
  const old = signer.signFor("auth");
  assert.equal(signer.signFor("auth"), old);
  assert.equal(verifier.verify(old).issuer, "ai");
  privateKey = next.privateKey;
  const fresh = signer.signFor("auth");
  assert.notEqual(verifier.verify(fresh).signingKeyId, verifier.verify(old).signingKeyId);
  accepted = new Map([["ai", [next.publicKey]]]);
  assert.throws(() => verifier.verify(old), /key \S+ of "ai" is not accepted/);
  assert.equal(verifier.verify(fresh).issuer, "ai");
});

test("a dead replica costs a caller nothing while another lives", async () => {
  const second = await serve("second", refusalOf("second"));
  const { client, close } = connect(["second", "first"]);
  const answers = new Set<string>();
  for (let round = 0; round < 4; round += 1) answers.add((await client.verifyKey({})).refusal);
  assert.deepEqual([...answers].sort(), ["second", "unknown"]);
  await second.close({ deadlineMs: 0 });
  for (let round = 0; round < 20; round += 1) {
    assert.equal((await client.verifyKey({})).refusal, "unknown");
  }
  close();
});

test("an operation that may not be repeated is not sent twice when its replica breaks", async () => {
  let executions = 0;
  const breaking = await serve("breaking", {
    updateKey: async () => {
      executions += 1;
      await breaking.close({ deadlineMs: 0 });
      return {};
    },
  });
  const spare = await serve("spare", {
    updateKey: async () => {
      executions += 1;
      return {};
    },
  });
  const { client, close } = connect(["breaking", "spare"]);
  const results = await Promise.allSettled([client.updateKey({}), client.updateKey({})]);
  assert.deepEqual(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
  assert.equal(executions, 2);
  close();
  await spare.close({ deadlineMs: 100 });
});

test("where no replica's process runs the caller is told so; a hanging one is somebody", async () => {
  const saysNobody = async (names: readonly string[]): Promise<unknown> => {
    const { client, close } = connect(names);
    const error = await client.verifyKey({}, { deadlineMs: 150 }).then(
      () => assert.fail("somebody answered"),
      (fault: unknown) => Fault.from(fault),
    );
    close();
    return error.context["nobody_listens"];
  };
  const leaving = await serve("leaving", refusalOf("leaving"));
  await leaving.close({ deadlineMs: 0 });
  assert.equal(await saysNobody(["leaving", "never there"]), true);
  const hanging = await serve("hanging", { verifyKey: () => new Promise(() => undefined) });
  assert.notEqual(await saysNobody(["leaving", "hanging"]), true);
  await hanging.close({ deadlineMs: 0 });
  assert.equal(await saysNobody(["leaving", "hanging"]), true);
});

test("a replica that does not answer costs its deadline and no more", async () => {
  const server = await serve("silent", { verifyKey: () => new Promise(() => undefined) });
  const { client, close } = connect(["silent"]);
  const startedMs = world.clock.monotonicMs();
  await assert.rejects(client.verifyKey({}, { deadlineMs: 80 }), {
    reason: "rpc.deadline_exceeded",
  });
  assert.ok(world.clock.monotonicMs() - startedMs < 1_000);
  close();
  await server.close({ deadlineMs: 0 });
});

test("within a process a call takes no socket and meets the same passport check", async () => {
  assert.ok(findInProcess(addressOf("first")) !== undefined);
  const replicas = createReplicaSet({ addresses: [addressOf("first")], world });
  const parts = { deployable: "auth", replicas, world };
  const nowMs = () => world.clock.nowMs();
  const signer = createPassportSigner({
    issuer: "ai",
    privateKey: () => gatewayKey.privateKey,
    nowMs,
  });
  const answer = await createRpcClient(AuthService, { ...parts, signer }).verifyKey({});
  assert.deepEqual([answer.refusal, answer.sequence], ["unknown", 7n]);
  const forger = createPassportSigner({
    issuer: "ai",
    privateKey: () => strangerKey.privateKey,
    nowMs,
  });
  const forged = createRpcClient(AuthService, { ...parts, signer: forger });
  await assert.rejects(forged.verifyKey({}), { reason: "rpc.passport_refused" });
  replicas.close();
});

test("within a process too a caller waits for its deadline and no longer", async () => {
  let isTold = false;
  const server = await serve("slow neighbour", {
    verifyKey: (_, context) => {
      context.onAbandon(() => {
        isTold = context.isAbandoned();
      });
      return new Promise(() => undefined);
    },
  });
  const address = addressOf("slow neighbour");
  assert.ok(findInProcess(address) !== undefined);
  const replicas = createReplicaSet({ addresses: [address], world });
  const nowMs = () => world.clock.nowMs();
  const signer = createPassportSigner({
    issuer: "ai",
    privateKey: () => gatewayKey.privateKey,
    nowMs,
  });
  const client = createRpcClient(AuthService, { deployable: "auth", replicas, signer, world });
  await assert.rejects(client.verifyKey({}, { deadlineMs: 80 }), {
    reason: "rpc.deadline_exceeded",
  });
  assert.ok(isTold, "and the operation hears that nobody waits any more");
  replicas.close();
  await server.close({ deadlineMs: 0 });
});
