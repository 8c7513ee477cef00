import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { describeApi, type JsonObject } from "./openapi.ts";
import { amountInput, idField, moneyField } from "./rest/fields.ts";
import { pageOf, pageQuery } from "./rest/page.ts";
import { type Route, routesOf } from "./rest/route.ts";

const route = routesOf<never>();
const coin = z.object({ id: idField("trf"), worth: moneyField }).meta({ id: "Coin" });
const tags = [{ name: "Coins", description: "Money one can hold." }];
const info = { title: "Coins", version: "1.0.0", description: "Coins.", tags };

const listCoins = route({
  method: "GET",
  path: "/api/v1/coins",
  operationId: "listCoins",
  summary: "Lists coins.",
  tag: "Coins",
  access: { permission: "coins:read" },
  query: pageQuery,
  reply: pageOf(coin),
  handle: () => Promise.reject(new Error("not called")),
});

const changeCoin = route({
  method: "PATCH",
  path: "/api/v1/coins/:coin_id",
  operationId: "changeCoin",
  summary: "Changes a coin.",
  tag: "Coins",
  access: { permission: "coins:write", visibleWith: "coins:read" },
  params: z.strictObject({ coin_id: idField("trf") }),
  body: z.strictObject({ amount: amountInput }),
  reply: coin,
  needsIfMatch: true,
  handle: () => Promise.reject(new Error("not called")),
});

/** Follows a path of names into the document. */
function at(document: JsonObject, ...names: readonly string[]): JsonObject {
  let value: unknown = document;
  for (const name of names) value = (value as JsonObject)[name];
  return value as JsonObject;
}

test("a route's parameters, body and answers are told as the server takes and gives them", () => {
  const document = describeApi(info, [listCoins, changeCoin]);
  const list = at(document, "paths", "/api/v1/coins", "get");
  const parameters = list["parameters"] as { name: string; schema: JsonObject }[];
  assert.deepEqual(parameters[0], {
    name: "limit",
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
  });
  const change = at(document, "paths", "/api/v1/coins/{coin_id}", "patch");
  const body = at(change, "requestBody", "content", "application/json", "schema");
  assert.deepEqual(body["required"], ["amount"]);
  assert.equal(at(change, "responses", "428")["$ref"], "#/components/responses/Problem");
  assert.equal(change["x-permission"], "coins:write");
});

test("what has a name is described once and referred to", () => {
  const document = describeApi(info, [listCoins, changeCoin]);
  assert.deepEqual(Object.keys(at(document, "components", "schemas")), [
    "Coin",
    "Money",
    "Problem",
  ]);
  const answer = at(document, "paths", "/api/v1/coins/{coin_id}", "patch", "responses", "200");
  assert.deepEqual(at(answer, "content", "application/json", "schema"), {
    $ref: "#/components/schemas/Coin",
  });
  assert.ok(!JSON.stringify(document).includes("#/$defs/"));
});

test("answers may grow: their schemas forbid no further members", () => {
  const document = describeApi(info, [listCoins]);
  assert.equal(at(document, "components", "schemas", "Coin")["additionalProperties"], undefined);
});

test("two things of one name, or a heading that is not listed, are mistakes found at once", () => {
  const rival = z.object({ id: z.string() });
  const twice: Route<never> = { ...changeCoin, reply: pageOf(rival.meta({ id: "Problem" })) };
  assert.throws(() => describeApi(info, [twice]), /two schemas are called Problem/);
  assert.throws(() => describeApi({ ...info, tags: [] }, [listCoins]), /no heading/);
});
