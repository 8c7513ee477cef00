import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { AuditEntrySchema } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { enqueueEvent, openDatabase, sql, transaction } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { newId, realWorld } from "@tandem/libs/world";
import { openProduct } from "./product.ts";

const product = await openProduct();
const { tandem } = product;
after(() => product.close());

const tool = fileURLToPath(new URL("../../clients/cli/bin/tandem.mjs", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as people run it, in a process of its own. */
function run(
  words: readonly string[],
  given: { readonly environment?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [tool, ...words], {
    env: { PATH: process.env["PATH"] ?? "", ...given.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(given.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const here = ["--data", tandem.dataDirectory];

async function tandemSays(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...words, ...here]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function data(...words: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await tandemSays(...words, "--json")) as Record<string, unknown>;
}

describe("what is looked at", () => {
  test("status counts what is called, and its exit code can be asked for", async () => {
    const text = await tandemSays("status", "--check");
    assert.match(text, /^ready {3}http:\/\/127\.0\.0\.1:\d+ {3}gRPC 127\.0\.0\.1:\d+ {3}up /);
    assert.match(text, /ai-gateway +2\/2 +ai +\d+ MiB/);
    assert.match(text, /database +up +PostgreSQL/);
    const { state, processes } = await data("status");
    assert.equal(state, "ready");
    assert.ok(Array.isArray(processes) && processes.length > 10);
    assert.match(await tandemSays("processes"), /router-1 +ready +\d+/);
  });

  test("topology, models, wallet and ledger come from the management API", async () => {
    assert.match(await tandemSays("topology"), /ai-1 +ready/);
    assert.match(await tandemSays("models", "list"), /mock-1/);
    assert.match(await tandemSays("wallet"), /total +\d+\.?\d* USD/);
    assert.match(await tandemSays("ledger", "verify"), /^ok: /);
    const { ok } = await data("ledger", "verify");
    assert.equal(ok, true);
  });

  test("logs of all processes come in the order of their time", async () => {
    const text = await tandemSays("logs", "--json");
    const times = text
      .trimEnd()
      .split("\n")
      .map((line) => String((JSON.parse(line) as { readonly time: unknown }).time));
    assert.ok(times.length > 0);
    assert.deepEqual(times, times.toSorted());
  });

  test("doctor finds nothing wrong", async () => {
    const text = await tandemSays("doctor");
    assert.match(text, /0 failed$/m);
    assert.match(text, /✓ door +http/);
  });

  test("connect prints settings without a key", async () => {
    const text = await tandemSays("connect", "claude-code");
    assert.match(text, new RegExp(`ANTHROPIC_BASE_URL=${tandem.origin}\n`));
    assert.ok(!text.includes(tandem.apiKey));
    assert.match(await tandemSays("connect", "codex"), /wire_api = "responses"/);
  });
});

describe("keys", () => {
  test("a key is made, shown once, listed, rotated and revoked", async () => {
    const made = await run(["keys", "create", "from the shell", ...here]);
    assert.equal(made.code, 0, made.stderr);
    const secret = made.stdout.trim();
    const id = /key_\w+/.exec(made.stderr)?.[0] ?? "";
    const call = async (key: string): Promise<number> => {
      const headers = { authorization: `Bearer ${key}` };
      return (await fetch(`${tandem.baseUrl}/models`, { headers })).status;
    };
    assert.equal(await call(secret), 200);
    const list = await tandemSays("keys", "list");
    assert.match(list, new RegExp(`${id} +from the shell`));
    assert.ok(!list.includes(secret));
    const second = (await tandemSays("keys", "rotate", id, "--overlap-seconds", "60")).trim();
    assert.notEqual(second, secret);
    assert.equal(await call(second), 200);
    await tandemSays("keys", "revoke", id);
    const { data: keys } = await data("keys", "list");
    assert.ok(Array.isArray(keys));
    assert.equal(keys.find((key: { readonly id: string }) => key.id === id)?.state, "revoked");
  });
});

describe("limits", () => {
  test("who is near one is shown; one is raised until a time, and that is ended", async () => {
    const limit = { kind: "requests", amount: 5_000, model: "of-nobody" };
    const { id } = await product.manage("POST", "/limits", limit);
    assert.match(
      await tandemSays("limits", "usage"),
      new RegExp(`5000 requests / 60 s +of-nobody +organisation +${String(id)}`),
    );
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const raised = await tandemSays(
      ...["limits", "raise", String(id), "9000", "--until", until, "--reason", "a fair"],
    );
    assert.match(raised, /in_force +9000/);
    assert.match(await tandemSays("limits", "end-raise", String(id)), /in_force +5000/);
    assert.match(await tandemSays("limits", "usage", "--all", "--near", "99"), /^none|USED/);
    const wrong = await run(["limits", "raise", "key_1", "5", "--until", until, ...here]);
    assert.equal(wrong.code, 2, wrong.stderr);
  });
});

describe("dead letters", () => {
  for (const [owner, host] of [
    ["users", "access-services-1"],
    ["articles", "business-services-1"],
  ] as const) {
    test(`of ${owner} are shown, delivered anew, and then have their effect`, async () => {
      const action = `given_up.by_test_of_${owner}`;
      const id = await giveUpAnEvent(action, { owner, host });
      const shown = async (): Promise<boolean> => {
        return (await tandemSays("dead-letters", "list", owner)).includes(id);
      };
      while (!(await shown())) await new Promise((resolve) => setTimeout(resolve, 100));
      const replay = ["dead-letters", "replay", owner];
      assert.equal(await tandemSays(...replay, "evt_other"), "0 delivered anew\n");
      assert.equal(await tandemSays(...replay, id), "1 delivered anew\n");
      const isThere = async (): Promise<boolean> => {
        const audit = await product.manage("GET", "/audit");
        return JSON.stringify(audit).includes(action);
      };
      while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await tandemSays("dead-letters", "list"), "none\n");
    });
  }
});

/** An audit entry in an outbox that has had its ten tries. Resolves to its event's id. */
async function giveUpAnEvent(
  action: string,
  { owner, host }: { readonly owner: string; readonly host: string },
): Promise<string> {
  const { runDirectory } = await tandem.status();
  const site = readFileSync(`${runDirectory}/sockets/${host}.site.json`, "utf8");
  const { replicas } = JSON.parse(site) as {
    readonly replicas: readonly { readonly deployable: string; readonly databaseUrl?: string }[];
  };
  const url = replicas.find(({ deployable }) => deployable === owner)?.databaseUrl ?? "";
  const world = realWorld();
  const log = createLog({ level: "error", fields: {}, write: () => {} });
  const database = openDatabase<unknown>(url, { world, log, poolSize: 1 });
  const { organisation_id: organisationId } = await product.manage("GET", "/wallet");
  const entry = create(AuditEntrySchema, {
    ...{ action, organisationId: String(organisationId), actor: "test", target: "test" },
  });
  const id = newId(world, "evt");
  await transaction(database, async (tx) => {
    const payload = toBinary(AuditEntrySchema, entry);
    await enqueueEvent(tx, { id, topic: "audit.v1", payload });
    await sql`update outbox set attempts = 10 where event_id = ${id}`.execute(tx);
  });
  await database.destroy();
  return id;
}

describe("chat", () => {
  test("an answer comes as it is spoken, and its request can be shown", async () => {
    const said = await tandemSays("chat", "-m", "mock-1", "Say", "hello.");
    assert.ok(said.trim().length > 0);
    const { text } = await data("chat", "-m", "mock-1", "Say hello.");
    assert.equal(text, said.trimEnd());
    const fromPipe = await run(["chat", "-m", "mock-1", ...here], { input: "Say hello.\n" });
    assert.equal(fromPipe.stdout, said);
    const response = await fetch(`${tandem.baseUrl}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${tandem.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "mock-1", messages: [{ role: "user", content: "Hello." }] }),
    });
    await response.text();
    const id = response.headers.get("x-request-id") ?? "";
    assert.match(await tandemSays("requests", "show", id), /authenticate +ok/);
  });

  test("a model that is not there is told with the request's id", async () => {
    const { code, stderr } = await run(["chat", "-m", "no-such", "Hello.", ...here]);
    assert.equal(code, 2);
    assert.match(stderr, /^✗ .+\n {2}request /);
  });
});

describe("what runs is changed while it serves", () => {
  test("processes of a kind are added and taken away, one is drained and brought back", async () => {
    await tandemSays("scale", "access", "3");
    assert.match(await tandemSays("status"), /access-gateway +3\/3/);
    await tandemSays("scale", "access", "2");
    await tandemSays("drain", "access-1");
    assert.match(await tandemSays("status"), /access-gateway +1\/1 .*access-gateway-1 drained/);
    await tandemSays("start", "access-gateway-1");
    assert.match(await tandemSays("status"), /access-gateway +2\/2/);
  });
});

describe("the end says why", () => {
  const cases: readonly (readonly [code: number, words: readonly string[], said: RegExp])[] = [
    [2, ["stauts"], /Did you mean tandem status\?/],
    [2, ["keys"], /One of: list, create, rotate, revoke/],
    [2, ["scale", "router"], /Usage: tandem scale KIND N/],
    [2, ["status", "--chek"], /Did you mean --check\?/],
    [2, ["scale", "router", "0", ...here], /1 to 64/],
    [5, ["scale", "nobody", "2", ...here], /no process of this name/],
    [5, ["requests", "show", "req_nowhere", ...here], /request/],
    [7, ["scale", "engine", "2", ...here], /topology file/],
    [2, ["upgrade", "--to", "/nowhere", ...here], /Nothing was changed/],
    [6, ["status", "--data", "/nowhere"], /npm start/],
    [4, ["wallet", "--data", "/nowhere"], /TANDEM_ADMIN_KEY/],
  ];
  for (const [code, words, said] of cases) {
    test(`${words.filter((word) => !word.startsWith("/tmp")).join(" ")} ends with ${code}`, async () => {
      const ended = await run(words);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, said);
      assert.equal(ended.stdout, "");
    });
  }

  test("a wrong key is told as that, a platform that is away as that", async () => {
    const wrong = { TANDEM_ADMIN_KEY: "tdm_wrong" };
    const refused = await run(["wallet", ...here], { environment: wrong });
    assert.equal(refused.code, 4, refused.stderr);
    const away = { TANDEM_ADMIN_URL: "http://127.0.0.1:9/api/v1" };
    const unreachable = await run(["wallet", "--json", ...here], { environment: away });
    assert.equal(unreachable.code, 6);
    const { error } = JSON.parse(unreachable.stderr) as { readonly error: { message: string } };
    assert.match(error.message, /cannot be reached/);
  });
});
