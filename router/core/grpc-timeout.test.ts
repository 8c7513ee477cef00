import assert from "node:assert/strict";
import { test } from "node:test";
import { clientTimeoutMs } from "./grpc-timeout.ts";

function of(fields: Readonly<Record<string, string>>): number | undefined {
  return clientTimeoutMs(new Map(Object.entries(fields)));
}

test("every unit of gRPC's timeout is read, and Connect's milliseconds", () => {
  assert.equal(of({ "grpc-timeout": "2H" }), 7_200_000);
  assert.equal(of({ "grpc-timeout": "3M" }), 180_000);
  assert.equal(of({ "grpc-timeout": "4S" }), 4_000);
  assert.equal(of({ "grpc-timeout": "250m" }), 250);
  assert.equal(of({ "grpc-timeout": "5000u" }), 5);
  assert.equal(of({ "grpc-timeout": "99999999n" }), 99.999999);
  assert.equal(of({ "connect-timeout-ms": "1500" }), 1_500);
});

test("what is no timeout says nothing", () => {
  for (const value of ["", "5", "m", "-1S", "123456789S", "1 S", "1s"]) {
    assert.equal(of({ "grpc-timeout": value }), undefined, value);
  }
  assert.equal(of({ "connect-timeout-ms": "12345678901" }), undefined);
  assert.equal(of({}), undefined);
});
