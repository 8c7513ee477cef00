import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { readDevEnv } from "./dev-env.ts";
import { type FirstRunOptions, prepareDevEnv } from "./first-run.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-first-"));
const calls: string[] = [];
let defaultModel = "smol";
let sources = ["engine"];
let setupAnswers: { readonly status: number; readonly body: unknown }[] = [];

const door = createServer((request, response) => {
  calls.push(`${request.method} ${request.url}`);
  if (request.url === "/api/v1/models") {
    response.end(JSON.stringify({ data: [], default_model: defaultModel }));
    return;
  }
  if (request.url === "/api/v1/upstreams") {
    response.end(JSON.stringify({ data: sources.map((source) => ({ source })) }));
    return;
  }
  const next = setupAnswers.shift() ?? { status: 503, body: {} };
  response.writeHead(next.status, { "content-type": "application/json" });
  response.end(JSON.stringify(next.body));
});

before(() => new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve)));
after(() => {
  door.close();
  rmSync(folder, { recursive: true });
});

function optionsFor(file: string): FirstRunOptions {
  const address = door.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    devEnvFile: join(folder, file),
    setupToken: "token",
    modelPatienceMs: 0,
    isEngineToGenerate: false,
    world: realWorld(),
    log: createLog({ level: "error", fields: {}, write: () => {} }),
  };
}

const made = {
  status: 200,
  body: { organisation_id: "org_1", project_id: "prj_1", admin_key: "ak", inference_key: "ik" },
};

describe("prepareDevEnv", () => {
  test("waits out a door that is not there yet, makes the keys once, and keeps them", async () => {
    const options = optionsFor("dev.env");
    setupAnswers = [{ status: 503, body: {} }, { status: 503, body: {} }, made];
    const first = await prepareDevEnv(options);
    assert.equal(first.isFirst, true);
    assert.equal(first.env.TANDEM_MODEL, "smol");
    assert.equal(statSync(options.devEnvFile).mode & 0o777, 0o600);
    assert.match(readFileSync(options.devEnvFile, "utf8"), /^export OPENAI_API_KEY=ik$/m);
    calls.length = 0;
    assert.deepEqual(await prepareDevEnv(options), { env: first.env, isFirst: false });
    assert.deepEqual(calls, []);
  });

  test("another port brings the addresses up to date and leaves the keys alone", async () => {
    const options = optionsFor("moved.env");
    setupAnswers = [made];
    await prepareDevEnv(options);
    await prepareDevEnv({ ...options, url: "http://127.0.0.1:4700" });
    const env = readDevEnv(options.devEnvFile);
    assert.equal(env?.OPENAI_BASE_URL, "http://127.0.0.1:4700/v1");
    assert.equal(env.TANDEM_ADMIN_URL, "http://127.0.0.1:4700/api/v1");
    assert.equal(env.OPENAI_API_KEY, "ik");
  });

  test("until there is a model to talk to, the rules choose; then it is named", async () => {
    const options = optionsFor("empty.env");
    setupAnswers = [made];
    defaultModel = "";
    assert.equal((await prepareDevEnv(options)).env.TANDEM_MODEL, "auto");
    defaultModel = "smol";
    assert.equal((await prepareDevEnv(options)).env.TANDEM_MODEL, "smol");
    assert.equal(readDevEnv(options.devEnvFile)?.TANDEM_MODEL, "smol");
  });

  test("a model is waited for only where somebody may name one", async () => {
    const patient = { modelPatienceMs: 60_000 };
    setupAnswers = [made, made, made];
    defaultModel = "";
    calls.length = 0;
    const alone = await prepareDevEnv({ ...optionsFor("alone.env"), ...patient });
    assert.equal(alone.env.TANDEM_MODEL, "auto");
    assert.equal(calls.length, 3, `not waited for: ${calls.join(", ")}`);
    const engine = { ...optionsFor("engine.env"), ...patient, isEngineToGenerate: true };
    const waiting = [prepareDevEnv(engine)];
    sources = ["engine", "file"];
    waiting.push(prepareDevEnv({ ...optionsFor("upstream.env"), ...patient }));
    calls.length = 0;
    while (calls.filter((call) => call.endsWith("/models")).length < 4) {
      await new Promise((resolve) => door.once("request", resolve));
    }
    defaultModel = "smol";
    for (const { env } of await Promise.all(waiting)) assert.equal(env.TANDEM_MODEL, "smol");
  });

  test("a refusal is told at once, in the words of who refused", async () => {
    setupAnswers = [{ status: 403, body: { detail: "This setup link is not valid." } }];
    await assert.rejects(
      prepareDevEnv(optionsFor("refused.env")),
      (error) => Fault.is(error) && /403 This setup link/.test(error.publicMessage),
    );
  });
});
