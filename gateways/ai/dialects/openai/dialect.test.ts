import assert from "node:assert/strict";
import { test } from "node:test";
import { identityFaults } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { aiFaults } from "../../faults.ts";
import { balanceBody } from "./balance-body.ts";
import { endpointAt, restUnder } from "./endpoints.ts";
import { errorBody, retryFields } from "./error-body.ts";
import { modelEntry } from "./models-list.ts";

function errorOf(fault: Fault): Record<string, unknown> {
  return JSON.parse(errorBody(fault, "req_1")).error;
}

test("every fault has a whole error in the dialect: message, type, param, code, request id", () => {
  for (const make of Object.values(aiFaults)) {
    if (typeof make !== "function") continue;
    const error = errorOf(make());
    assert.ok(String(error["message"]).length > 0);
    assert.match(String(error["type"]), /^[a-z_]+$/);
    assert.match(String(error["code"]), /^[a-z_]+$/);
    assert.equal(error["param"], null);
    assert.equal(error["request_id"], "req_1");
  }
});

test("money, limits and keys have the codes that clients branch on", () => {
  const credit = errorOf(aiFaults.no_credit({ context: { limit_source: "wallet" } }));
  assert.equal(credit["type"], "insufficient_quota");
  assert.equal(credit["code"], "credit_balance_exhausted");
  assert.equal(credit["limit_source"], "wallet");
  const budget = errorOf(
    aiFaults.budget_reached({ context: { limit_source: "project", resets_at_ms: 86_400_000 } }),
  );
  assert.equal(budget["code"], "project_spend_limit_exceeded");
  assert.equal(budget["resets_at"], "1970-01-02T00:00:00.000Z");
  assert.equal(errorOf(identityFaults.invalid())["code"], "invalid_api_key");
  const named = aiFaults.invalid_parameter({ context: { parameter: "top_p" } });
  assert.equal(errorOf(named)["param"], "top_p");
});

test("a rate limit says when to come back, in whole seconds and in milliseconds", () => {
  const fields = new Map(retryFields(aiFaults.rate_limited({ retryAfterMs: 1_200 })));
  assert.equal(fields.get("retry-after"), "2");
  assert.equal(fields.get("retry-after-ms"), "1200");
  assert.equal(fields.get("x-should-retry"), "true");
  const message = String(errorOf(aiFaults.rate_limited())["message"]);
  assert.doesNotMatch(message, /billing|credit balance|exceeded your .* quota/i);
});

test("what a retry cannot mend says so, and gives no time", () => {
  for (const fault of [
    aiFaults.no_credit(),
    aiFaults.upstream_failed(),
    identityFaults.invalid(),
  ]) {
    const fields = new Map(retryFields(fault));
    assert.equal(fields.get("x-should-retry"), "false");
    assert.equal(fields.get("retry-after"), undefined);
  }
  const outage = new Map(retryFields(aiFaults.not_ready()));
  assert.equal(outage.get("retry-after"), "1");
});

test("a mistake of ours shows nothing of its insides", () => {
  const error = errorOf(Fault.from(new Error("pg://user:pass@db")));
  assert.equal(error["type"], "api_error");
  assert.doesNotMatch(JSON.stringify(error), /pg:/);
});

test("the same endpoints are served under each prefix", () => {
  for (const prefix of ["", "/v1", "/beta"]) {
    assert.equal(endpointAt(`${prefix}/chat/completions`), "chat");
    assert.equal(endpointAt(`${prefix}/completions`), "completions");
    assert.equal(restUnder(`${prefix}/models`, "/models"), "");
    assert.equal(restUnder(`${prefix}/models/a/b`, "/models"), "a/b");
  }
  assert.equal(endpointAt("/v2/chat/completions"), undefined);
  assert.equal(restUnder("/v1/modelsx", "/models"), undefined);
});

test("a balance is three amounts of two decimals that add up, rounded down", () => {
  const body = JSON.parse(
    balanceBody({
      currency: "USD",
      totalNanos: 0n,
      grantedNanos: 10_000_000_000n,
      purchasedNanos: 100_009_999_999n,
      isAvailable: true,
    }),
  );
  assert.deepEqual(body.balance_infos[0], {
    currency: "USD",
    total_balance: "110.00",
    granted_balance: "10.00",
    topped_up_balance: "100.00",
  });
  const debt = JSON.parse(
    balanceBody({
      currency: "CNY",
      totalNanos: 0n,
      grantedNanos: 0n,
      purchasedNanos: -35_000_000n,
      isAvailable: false,
    }),
  );
  assert.equal(debt.balance_infos[0].total_balance, "-0.04");
});

test("a model is shown with what editors need to know of it", () => {
  const entry = modelEntry({
    id: "m",
    displayName: "",
    ownedBy: "",
    contextTokens: 8_192,
    maxOutputTokens: 0,
    capabilities: new Set(["chat", "vision"]),
    targets: [],
    languages: [],
    domains: [],
    createdAtMs: 5_000,
  });
  assert.deepEqual(entry, {
    id: "m",
    object: "model",
    created: 5,
    owned_by: "tandem",
    name: "m",
    context_window: 8_192,
    max_model_len: 8_192,
    input_modalities: ["text", "image"],
    output_modalities: ["text"],
    capabilities: ["chat", "vision"],
  });
});
