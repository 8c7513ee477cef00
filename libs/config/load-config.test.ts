import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { Fault } from "../kernel/index.ts";
import {
  type ConfigSource,
  count,
  describeSettings,
  duration,
  interpolate,
  loadConfig,
  parseDuration,
  parseSize,
  secret,
  section,
  size,
  toggle,
} from "./index.ts";

const schema = z.strictObject({
  firstTokenTimeoutMs: duration({
    doc: "How long an upstream may think before its first token.",
    default: "20s",
    min: "1s",
    max: "10m",
  }),
  bodyLimitBytes: size({ doc: "Largest body.", default: "10MiB", min: "1KiB", max: "1GiB" }),
  attemptsMax: count({ doc: "Attempts per call.", default: 3, min: 1, max: 5 }),
  isVerbose: toggle({ doc: "Says more.", default: false }),
  signingKey: secret({ doc: "Signs." }).optional(),
  pool: section({ sizeMax: count({ doc: "Connections.", default: 8, min: 1, max: 64 }) }),
  upstreams: z
    .array(z.strictObject({ name: z.string(), baseUrl: z.string() }))
    .default([])
    .describe("Model servers."),
});

function sourceOf(parts: {
  settings?: Record<string, unknown>;
  environment?: Record<string, string>;
  flags?: Record<string, string>;
}): ConfigSource {
  return {
    deployable: "ai",
    world: { environment: parts.environment ?? {} },
    settings: parts.settings ?? {},
    flags: parts.flags,
  };
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(Fault.is(error));
    assert.equal(error.reason, "config.invalid");
    assert.equal(error.blame, "config");
    return error.publicMessage;
  }
  throw new Error("it should have refused");
}

describe("loadConfig", () => {
  test("gives defaults in the units of the code", () => {
    const config = loadConfig(schema, sourceOf({}));
    assert.equal(config.firstTokenTimeoutMs, 20_000);
    assert.equal(config.bodyLimitBytes, 10 * 1024 * 1024);
    assert.equal(config.pool.sizeMax, 8);
    assert.equal(config.signingKey, undefined);
  });

  test("lets the environment win over the file and flags over both", () => {
    const config = loadConfig(
      schema,
      sourceOf({
        settings: { first_token_timeout: "5s", attempts_max: 1, pool: { size_max: 2 } },
        environment: { TANDEM_AI__ATTEMPTS_MAX: "2", TANDEM_AI__POOL__SIZE_MAX: "16" },
        flags: { attempts_max: "4" },
      }),
    );
    assert.equal(config.firstTokenTimeoutMs, 5000);
    assert.equal(config.attemptsMax, 4);
    assert.equal(config.pool.sizeMax, 16);
  });

  test("reads a number or a switch that a file spells as text", () => {
    const settings = { attempts_max: "2", is_verbose: "true", pool: { size_max: "9" } };
    const config = loadConfig(schema, sourceOf({ settings }));
    assert.deepEqual([config.attemptsMax, config.isVerbose, config.pool.sizeMax], [2, true, 9]);
  });

  test("reads the schema's own property names too, lists of sections included", () => {
    const config = loadConfig(
      schema,
      sourceOf({
        settings: {
          firstTokenTimeoutMs: "2s",
          upstreams: [
            { name: "a", base_url: "http://a" },
            { name: "b", baseUrl: "http://b" },
          ],
        },
      }),
    );
    assert.equal(config.firstTokenTimeoutMs, 2000);
    assert.deepEqual(
      config.upstreams.map((upstream) => upstream.baseUrl),
      ["http://a", "http://b"],
    );
  });

  test("lists every violation at once, with key, value, origin and remedy", () => {
    const message = messageOf(() =>
      loadConfig(
        schema,
        sourceOf({
          settings: {
            first_token_timeout: 20,
            body_limit: "2GiB",
            atempts_max: 2,
            upstreams: [{ name: "a" }],
          },
          environment: { TANDEM_AI__ATTEMPTS_MAX: "9", TANDEM_AI__IS_VERBOS: "1" },
        }),
      ),
    );
    assert.match(message, /has 6 problems; nothing was started/);
    assert.match(message, /ai\.first_token_timeout = 20 \(tandem\.yaml\) is no duration .*"20s"/);
    assert.match(message, /ai\.body_limit = "2GiB" .* Give at most 1GiB/);
    assert.match(message, /ai\.atempts_max = 2 .* Did you mean attempts_max\?/);
    assert.match(message, /ai\.upstreams\.0\.base_url is missing\. Give a text/);
    assert.match(message, /attempts_max = 9 \(TANDEM_AI__ATTEMPTS_MAX\) is too large/);
    assert.match(message, /TANDEM_AI__IS_VERBOS .* Did you mean TANDEM_AI__IS_VERBOSE\?/);
  });

  test("never shows a secret, not even a wrong or a misspelt one", () => {
    const message = messageOf(() =>
      loadConfig(schema, sourceOf({ settings: { signing_key: 123456, signing_kee: "hunter2" } })),
    );
    assert.doesNotMatch(message, /123456/);
    const misspelt = messageOf(() =>
      loadConfig(schema, sourceOf({ settings: { signing_keys: "hunter2" } })),
    );
    assert.doesNotMatch(misspelt, /hunter2/);
    assert.match(misspelt, /Did you mean signing_key\?/);
  });

  test("reads any setting from a file, and refuses it when given twice", () => {
    const folder = mkdtempSync(join(tmpdir(), "tandem-config-"));
    try {
      const path = join(folder, "key");
      writeFileSync(path, "s3cret\n");
      const environment = { TANDEM_AI__SIGNING_KEY_FILE: path };
      const config = loadConfig(schema, sourceOf({ environment }));
      assert.equal(config.signingKey?.reveal(), "s3cret");
      assert.equal(JSON.stringify(config).includes("s3cret"), false);
      const twice = { ...environment, TANDEM_AI__SIGNING_KEY: "x" };
      assert.match(
        messageOf(() => loadConfig(schema, sourceOf({ environment: twice }))),
        /twice/,
      );
      const gone = { TANDEM_AI__SIGNING_KEY_FILE: join(folder, "none") };
      assert.match(
        messageOf(() => loadConfig(schema, sourceOf({ environment: gone }))),
        /ENOENT/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("freezes what it returns, all the way down", () => {
    const config = loadConfig(schema, sourceOf({ settings: { upstreams: [] } }));
    assert.ok(Object.isFrozen(config));
    assert.ok(Object.isFrozen(config.pool));
    assert.ok(Object.isFrozen(config.upstreams));
  });

  test("ignores the variables of other deployables", () => {
    const environment = { TANDEM_AUTH__WHATEVER: "1", TANDEM_URL: "x" };
    assert.doesNotThrow(() => loadConfig(schema, sourceOf({ environment })));
  });
});

describe("describeSettings", () => {
  test("names every setting with variable, default and bounds as people write them", () => {
    const settings = describeSettings("ai", schema);
    assert.deepEqual(settings[0], {
      name: "first_token_timeout",
      variable: "TANDEM_AI__FIRST_TOKEN_TIMEOUT",
      doc: "How long an upstream may think before its first token.",
      default: "20s",
      min: "1s",
      max: "10m",
      isSecret: false,
    });
    assert.ok(settings.some(({ variable }) => variable === "TANDEM_AI__POOL__SIZE_MAX"));
    assert.ok(settings.some(({ name, isSecret }) => name === "signing_key" && isSecret));
  });
});

describe("units", () => {
  test("durations and sizes need a unit and may be composed", () => {
    assert.equal(parseDuration("1m30s"), 90_000);
    assert.equal(parseDuration("1.5s"), 1500);
    assert.equal(parseDuration("20"), undefined);
    assert.equal(parseDuration("-1s"), undefined);
    assert.equal(parseSize("1.5KiB"), 1536);
    assert.equal(parseSize("2 MB"), 2_000_000);
    assert.equal(parseSize("10"), undefined);
  });
});

describe("interpolate", () => {
  test("fills in variables and defaults, and refuses what is not set", () => {
    const environment = { HOST: "db" };
    const file = { url: `http://\${HOST}:\${PORT:-80}`, list: [`\${HOST}`], port: 1 };
    assert.deepEqual(interpolate(file, environment), {
      url: "http://db:80",
      list: ["db"],
      port: 1,
    });
    assert.throws(() => interpolate(`\${NOPE}`, environment), /NOPE/);
  });
});
