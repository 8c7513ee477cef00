import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { findConfigFile, readConfigFile } from "./config-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-file-"));
after(() => rmSync(folder, { recursive: true }));
const options = { environment: { KEY: "s3cret" }, deployables: ["ai", "inference"] };

function write(content: string): string {
  const path = join(folder, "tandem.yaml");
  writeFileSync(path, content);
  return path;
}

function problemsOf(content: string): string {
  try {
    readConfigFile(write(content), options);
  } catch (error) {
    assert.ok(Fault.is(error));
    return error.publicMessage;
  }
  throw new Error("it should have been refused");
}

describe("readConfigFile", () => {
  test("gives each deployable its section, with variables filled in", () => {
    const path = write(
      `version: 1\nai: { attempts: 2 }\ninference:\n  upstreams:\n    - api_key: \${KEY}\n`,
    );
    const sections = readConfigFile(path, options);
    assert.deepEqual(sections.get("ai"), { attempts: 2 });
    assert.deepEqual(sections.get("inference"), { upstreams: [{ api_key: "s3cret" }] });
    assert.equal(findConfigFile(undefined, folder), path);
  });

  test("tells all problems at once, syntax errors with their line", () => {
    const message = problemsOf("version: 2\ninferense: {}\nai: 3\n");
    assert.match(message, /version is 2/);
    assert.match(message, /"inferense" is no section; did you mean inference\?/);
    assert.match(message, /"ai" must hold settings/);
    assert.match(problemsOf("ai: {a: 1, a: 2}\n"), /line 1/);
    assert.match(problemsOf("- 1\n"), /holds no sections/);
    assert.match(problemsOf(`ai:\n  key: \${NOT_SET}\n`), /NOT_SET/);
  });

  test("an empty file is no problem", () => {
    assert.equal(readConfigFile(write("\n# nothing\n"), options).size, 0);
  });
});
