import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseFlags } from "./flags.ts";

describe("parseFlags", () => {
  test("short forms and --set both become settings by name", () => {
    const flags = parseFlags([
      "--port=4700",
      "--data",
      "/tmp/x",
      "--no-model",
      "--set",
      "ai.attempts=2",
      "--set",
      "ai.text=a=b",
      "--watch",
    ]);
    assert.deepEqual(flags.settings.get("supervisor"), {
      port: "4700",
      data: "/tmp/x",
      model: "false",
      watch: "true",
    });
    assert.deepEqual(flags.settings.get("ai"), { attempts: "2", text: "a=b" });
  });

  test("what it does not know is refused with the nearest thing it knows", () => {
    assert.throws(() => parseFlags(["--prot", "1"]), /--prot.*Did you mean --port/);
    assert.throws(() => parseFlags(["--constructor"]), /no option --constructor/);
    assert.throws(() => parseFlags(["start"]), /"start" is not an option/);
    assert.throws(() => parseFlags(["--port"]), /--port needs a value/);
    assert.throws(() => parseFlags(["--set", "port"]), /--set port is not NAME=VALUE/);
  });
});
