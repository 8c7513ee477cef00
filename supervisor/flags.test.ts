import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { wishedGrpcPort } from "./config.ts";
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

test("gRPC's own port follows the public one, unless it is named or switched off", () => {
  const wishes = { grpc: true, grpcPort: undefined, port: 4600 };
  assert.equal(wishedGrpcPort(wishes), 4601);
  assert.equal(wishedGrpcPort({ ...wishes, port: 0 }), 0);
  assert.equal(wishedGrpcPort({ ...wishes, port: 65_535 }), 0);
  assert.equal(wishedGrpcPort({ ...wishes, grpcPort: 9000 }), 9000);
  assert.equal(wishedGrpcPort({ ...wishes, grpc: false }), undefined);
  const { settings } = parseFlags(["--no-grpc", "--grpc-port", "9000"]);
  assert.deepEqual(settings.get("supervisor"), { grpc: "false", grpc_port: "9000" });
});
