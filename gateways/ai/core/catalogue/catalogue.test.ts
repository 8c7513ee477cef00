import assert from "node:assert/strict";
import { test } from "node:test";
import { readChatRequest } from "../request/chat-request.ts";
import { isProblem } from "../request/generation-request.ts";
import {
  Catalogue,
  type CatalogueModel,
  type CatalogueRule,
  type CatalogueSnapshot,
  missingFeature,
} from "./catalogue.ts";
import { requestTraits } from "./request-traits.ts";

const free = { inputNanos: 0n, cachedInputNanos: 0n, outputNanos: 0n };
const model = (id: string, part: Partial<CatalogueModel> = {}): CatalogueModel => ({
  id,
  displayName: id,
  ownedBy: "tests",
  contextTokens: 8_192,
  maxOutputTokens: 0,
  capabilities: new Set(["chat"]),
  targets: [],
  languages: [],
  domains: [],
  createdAtMs: 0,
  ...part,
});
const price = (id: string) => ({
  id,
  currency: "USD",
  charged: free,
  upstream: free,
  isFree: true,
  isUpstreamFree: true,
});
const rule = (order: number, to: string, part: Partial<CatalogueRule> = {}): CatalogueRule => ({
  id: `rule ${order}`,
  order,
  kinds: [],
  minPromptTokens: 0,
  maxPromptTokens: 0,
  languages: [],
  domains: [],
  model: to,
  ...part,
});
const snapshot = (part: Partial<CatalogueSnapshot>): CatalogueSnapshot => ({
  version: 1n,
  models: [],
  prices: [],
  aliases: new Map(),
  rules: [],
  defaultModel: "",
  ...part,
});
const traits = (part: object = {}) => ({
  kinds: new Set(["chat"]),
  promptTokens: 10,
  language: "en",
  domain: "general",
  ...part,
});
const anyone = { features: ["chat"] as const, mayUse: () => true };

test("a model is found by id and alias, and an alias never hides a model", () => {
  const catalogue = new Catalogue(
    snapshot({
      models: [model("a"), model("b")],
      aliases: new Map([
        ["fast", "a"],
        ["b", "a"],
        ["lost", "gone"],
      ]),
    }),
  );
  assert.equal(catalogue.find("fast")?.id, "a");
  assert.equal(catalogue.find("b")?.id, "b");
  assert.equal(catalogue.find("lost"), undefined);
});

test("the price that counts is the newest one valid at the moment", () => {
  const catalogue = new Catalogue(
    snapshot({
      prices: [
        { model: "a", price: price("old"), validFromMs: 0, validUntilMs: 0 },
        { model: "a", price: price("peak"), validFromMs: 100, validUntilMs: 200 },
      ],
    }),
  );
  assert.equal(catalogue.priceOf("a", 99)?.id, "old");
  assert.equal(catalogue.priceOf("a", 100)?.id, "peak");
  assert.equal(catalogue.priceOf("a", 200)?.id, "old");
  assert.equal(catalogue.priceOf("b", 0), undefined);
});

test("auto takes the first rule that holds, and only a model the caller may use and that fits", () => {
  const catalogue = new Catalogue(
    snapshot({
      models: [
        model("small"),
        model("large", { contextTokens: 100_000 }),
        model("coder", { capabilities: new Set(["chat", "tools"]) }),
      ],
      rules: [
        rule(3, "large", { minPromptTokens: 1_000 }),
        rule(1, "coder", { domains: ["code"] }),
        rule(2, "coder", { kinds: ["tools"] }),
      ],
      defaultModel: "small",
    }),
  );
  assert.equal(catalogue.choose(traits(), anyone)?.model.id, "small");
  assert.equal(catalogue.choose(traits({ domain: "code" }), anyone)?.ruleId, "rule 1");
  assert.equal(catalogue.choose(traits({ promptTokens: 5_000 }), anyone)?.model.id, "large");
  assert.equal(catalogue.choose(traits({ promptTokens: 9_000 }), anyone)?.model.id, "large");
  const notCoder = { ...anyone, mayUse: (id: string) => id !== "coder" };
  assert.equal(catalogue.choose(traits({ domain: "code" }), notCoder)?.model.id, "small");
  const withTools = { ...anyone, features: ["chat", "tools"] as const };
  assert.equal(catalogue.choose(traits(), withTools)?.model.id, "coder");
  assert.equal(catalogue.choose(traits(), { ...anyone, mayUse: () => false }), undefined);
});

test("a model of unknown abilities is asked, one that is known to lack something is not", () => {
  assert.equal(missingFeature(model("a", { capabilities: new Set() }), ["tools"]), undefined);
  assert.equal(missingFeature(model("a"), ["chat", "vision"]), "vision");
});

test("traits are read from the request: kinds, language and domain of the last user turn", () => {
  const of = (content: string, part: object = {}) => {
    const body = { model: "auto", messages: [{ role: "user", content }], ...part };
    const request = readChatRequest(Buffer.from(JSON.stringify(body)));
    assert.ok(!isProblem(request));
    return requestTraits(request);
  };
  assert.equal(of("what is the weather").language, "en");
  assert.equal(of("今天天气怎么样").language, "zh");
  assert.equal(of("Привет, как дела").language, "ru");
  assert.equal(of("const a = () => { return 1; }").domain, "code");
  assert.equal(of("please translate this").domain, "translation");
  assert.equal(of("solve the equation").domain, "math");
  const json = of("x", { response_format: { type: "json_object" } });
  assert.deepEqual([...json.kinds], ["chat", "json"]);
});
