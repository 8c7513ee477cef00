import assert from "node:assert/strict";
import { test } from "node:test";
import { type Route, RouteTable } from "./route-table.ts";

function route(path: string, gateway: string, methods?: readonly string[]): Route {
  return { path, gateway, methods, replay: "always" };
}

const table = new RouteTable([
  route("/v1/*", "ai"),
  route("/api/v1/*", "access"),
  route("/api/v1/models", "ai"),
  route("/api/v1/models/*", "ai"),
  route("/models", "ai", ["GET"]),
  route("/hooks/*", "access", ["POST"]),
  route("/hooks/open/*", "ai", ["GET"]),
]);

function gatewayOf(method: string, path: string): string {
  const match = table.match(method, path);
  return match.kind === "route" ? match.route.gateway : match.kind;
}

test("the longest match wins, and an exact path over any prefix", () => {
  assert.equal(gatewayOf("GET", "/api/v1/keys"), "access");
  assert.equal(gatewayOf("GET", "/api/v1/models"), "ai");
  assert.equal(gatewayOf("GET", "/api/v1/models/"), "ai");
  assert.equal(gatewayOf("GET", "/api/v1/models/x/prices"), "ai");
  assert.equal(gatewayOf("GET", "/api/v1/modelsX"), "access");
});

test("a prefix does not match its own path without the slash", () => {
  assert.equal(gatewayOf("GET", "/v1"), "no_route");
  assert.equal(gatewayOf("GET", "/v1/"), "ai");
});

test("a path that nobody serves has no route", () => {
  for (const path of ["/", "/v2/x", "/V1/x", "//v1/x", "/%761/x", "*", ""]) {
    assert.equal(gatewayOf("GET", path), "no_route", path);
  }
});

test("a route that does not take the method is passed over for a shorter one that does", () => {
  assert.equal(gatewayOf("POST", "/hooks/open/1"), "access");
  assert.equal(gatewayOf("GET", "/hooks/open/1"), "ai");
});

test("a path that is served for other methods only says for which", () => {
  assert.deepEqual(table.match("DELETE", "/models"), {
    kind: "method_not_allowed",
    allowed: ["GET"],
  });
});

test("a path made of slashes costs no more than any other", () => {
  const path = "/".repeat(8_000);
  const start = performance.now();
  for (let round = 0; round < 1_000; round += 1) assert.equal(gatewayOf("GET", path), "no_route");
  assert.ok(performance.now() - start < 500, "half a millisecond each would do for an attack");
});
