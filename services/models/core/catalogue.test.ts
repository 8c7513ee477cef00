import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CatalogueModel,
  type CataloguePrice,
  type CatalogueSources,
  type Discovery,
  mergeCatalogue,
} from "./catalogue.ts";

const nothing: CatalogueSources = {
  models: [],
  prices: [],
  aliases: [],
  rules: [],
  discoveries: [],
  defaultModel: "",
};

const found = (upstream: string, name: string, more: Partial<Discovery> = {}): Discovery => ({
  upstream,
  name,
  contextTokens: 4096,
  capabilities: ["chat", "completions"],
  isLocal: true,
  isGone: false,
  position: 0,
  ...more,
});

const declared = (id: string, more: Partial<CatalogueModel> = {}): CatalogueModel => ({
  id,
  displayName: id,
  ownedBy: "us",
  contextTokens: 0,
  maxOutputTokens: 0,
  capabilities: ["chat"],
  targets: [],
  source: "file",
  enabled: true,
  createdAtMs: 0,
  version: 0n,
  domains: [],
  languages: [],
  sizeClass: 2,
  ...more,
});

test("a model that two upstreams tell of is one model with two targets", () => {
  const { models } = mergeCatalogue({
    ...nothing,
    discoveries: [found("vllm-1", "qwen"), found("vllm-2", "qwen")],
  });
  assert.deepEqual(
    models.map((model) => [model.id, model.targets.map((target) => target.upstream)]),
    [["qwen", ["vllm-1", "vllm-2"]]],
  );
});

test("a declared model takes over a discovered one and keeps where it runs", () => {
  const { models } = mergeCatalogue({
    ...nothing,
    models: [declared("qwen", { source: "management" }), declared("qwen", { ownedBy: "file" })],
    discoveries: [found("vllm-1", "qwen")],
  });
  assert.equal(models.length, 1);
  assert.deepEqual(
    [models[0]?.ownedBy, models[0]?.targets[0]?.upstream, models[0]?.contextTokens],
    ["file", "vllm-1", 4096],
  );
});

test("a model that vanished from its upstream stays known and has no target", () => {
  const { models, defaultModel } = mergeCatalogue({
    ...nothing,
    discoveries: [found("vllm-1", "qwen", { isGone: true })],
  });
  assert.deepEqual([models[0]?.targets, defaultModel], [[], ""]);
});

test("only models that run nowhere but on own hardware are free without being priced", () => {
  const { prices } = mergeCatalogue({
    ...nothing,
    discoveries: [
      found("engine", "smol"),
      found("cloud", "big", { isLocal: false }),
      found("cloud", "both", { isLocal: false }),
      found("vllm", "both"),
    ],
  });
  assert.deepEqual(
    prices.map((price) => price.model),
    ["smol"],
  );
});

test("a price that was set is never joined by a free one", () => {
  const price: CataloguePrice = {
    id: "prc_1",
    model: "smol",
    currency: "USD",
    inputNanos: 1n,
    cachedInputNanos: 1n,
    outputNanos: 1n,
    upstreamInputNanos: 0n,
    upstreamCachedInputNanos: 0n,
    upstreamOutputNanos: 0n,
    validFromMs: 0,
    validUntilMs: 0,
  };
  const given = { ...nothing, prices: [price], discoveries: [found("engine", "smol")] };
  assert.deepEqual(mergeCatalogue(given).prices, [price]);
});

test("the default is what was configured, else declared, else found elsewhere than in the engine", () => {
  const discoveries = [
    found("engine", "smol"),
    found("engine", "tiny", { position: 1 }),
    found("engine", "minilm", { capabilities: ["embeddings"], position: 2 }),
  ];
  assert.equal(mergeCatalogue({ ...nothing, discoveries }).defaultModel, "smol");
  const withOllama = [...discoveries, found("ollama", "llama3")];
  assert.equal(mergeCatalogue({ ...nothing, discoveries: withOllama }).defaultModel, "llama3");
  const hosted = [...discoveries, found("deepseek", "deepseek-chat", { isLocal: false })];
  assert.equal(
    mergeCatalogue({ ...nothing, discoveries: hosted }).defaultModel,
    "smol",
    "a model without a price is not served, so it is no default",
  );
  const target = { upstream: "ollama", model: "llama3", weight: 1, order: 0 };
  const models = [declared("chat-default", { targets: [target] })];
  assert.equal(
    mergeCatalogue({ ...nothing, models, discoveries: withOllama }).defaultModel,
    "chat-default",
  );
  assert.equal(
    mergeCatalogue({ ...nothing, defaultModel: "tiny", discoveries }).defaultModel,
    "tiny",
  );
});

test("an alias never hides a model of the same name", () => {
  const aliases = [
    { name: "qwen", model: "other" },
    { name: "gpt-4o", model: "qwen" },
  ];
  const merged = mergeCatalogue({ ...nothing, aliases, discoveries: [found("vllm", "qwen")] });
  assert.deepEqual(merged.aliases, [{ name: "gpt-4o", model: "qwen" }]);
});
