/**
 * B11: every management route with bodies, queries and paths made from its own schemas. Whatever is
 * sent, the answer is one that the route's description knows, and none is a 5xx.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { problemMediaType, type Route } from "@tandem/libs/gateway";
import fc from "fast-check";
import { accessRoutes } from "../../gateways/access/routes/index.ts";
import { businessRoutes } from "../../gateways/business/routes/index.ts";
import { type AccessHouse, type Ask, openAccessHouse, setUp } from "../integration/access-house.ts";
import { bodiesOf, queriesOf, segments } from "./schema-arbitrary.ts";

/** For each route; `npm run chaos` and nights may have more. */
const cases = Number(process.env["TANDEM_FUZZ_CASES"] ?? 60);
const routes = [...accessRoutes, ...businessRoutes] as readonly Route<never>[];

let house: AccessHouse;
let adminKey: string;

before(async () => {
  house = await openAccessHouse();
  ({ adminKey } = await setUp(house));
});

after(() => house.close());

function asksOf(route: Route<never>): fc.Arbitrary<Ask> {
  const places = route.path
    .split("/")
    .map((part) => (part.startsWith(":") ? segments : fc.constant(part)));
  const path = fc.tuple(...places).map((parts) => parts.join("/"));
  const query = route.query === undefined ? fc.constant("") : queriesOf(route.query);
  const body = route.body === undefined ? fc.constant(undefined) : bodiesOf(route.body);
  const tag = fc.constantFrom("*", '"1"', '"99999999999999999999"', "W/x", "");
  const idempotency = fc.option(fc.stringMatching(/^[\x20-\x7e]{0,40}$/), { nil: undefined });
  return fc.record({ path, query, body, tag, idempotency }).map((given) => ({
    method: route.method,
    path: given.query === "" ? given.path : `${given.path}?${given.query}`,
    key: adminKey,
    headers: {
      "content-type": "application/json",
      "if-match": given.tag,
      ...(given.idempotency === undefined ? {} : { "idempotency-key": given.idempotency.trim() }),
    },
    ...(given.body === undefined ? {} : { body: given.body }),
  }));
}

describe("whatever is sent", () => {
  for (const route of routes) {
    test(`${route.method} ${route.path} answers as described, and never 5xx`, async () => {
      await fc.assert(
        fc.asyncProperty(asksOf(route), async (ask) => {
          const answer = await house.ask(ask);
          const shown = `${ask.method} ${ask.path} → ${answer.status} ${answer.text.slice(0, 300)}`;
          assert.ok(answer.status < 500, shown);
          if (answer.status < 400) return;
          assert.equal(answer.headers["content-type"], problemMediaType, shown);
          const problem = answer.json as Record<string, unknown>;
          assert.equal(problem["status"], answer.status, shown);
          assert.match(String(problem["request_id"]), /^req_/, shown);
          assert.match(String(problem["type"]), /^\/errors\/[a-z]+\.[a-z_]+$/, shown);
        }),
        { numRuns: cases },
      );
    });
  }

  test("afterwards everything stands: ledger, audit chain, and the caller", async () => {
    const ledger = await house.expect(200, { path: "/api/v1/ledger/verify", key: adminKey });
    assert.equal(ledger["ok"], true);
    const audit = await house.expect(200, { path: "/api/v1/audit/verify", key: adminKey });
    assert.equal(audit["ok"], true);
    const me = await house.expect(200, { path: "/api/v1/me", key: adminKey });
    assert.deepEqual(me["roles"], ["owner", "platform:owner"]);
    const broken = house.logLines.filter(({ event }) => event === "request_broken");
    assert.deepEqual(broken, []);
  });
});
