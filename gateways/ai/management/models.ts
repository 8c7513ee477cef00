/** The catalogue as managers see and change it: models, prices, aliases, rules of `auto`. */
import type { Model, Price, Rule } from "@tandem/contracts/rpc/models/v1/models_pb";
import { amountInput, currencyField, timeField, timeInput, timeOf } from "@tandem/libs/gateway";
import { formatNanos } from "@tandem/libs/kernel";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const nameField = z.string().regex(/^[\w./:@-]{1,128}$/, "must be a name without blanks");
const wordList = z.array(z.string().max(64)).max(64);
/** Ids of models may hold slashes, so they come percent-encoded in a path. */
const modelParams = z.strictObject({ model_id: nameField });

const target = z
  .strictObject({
    upstream: z.string().max(63),
    model: z.string().max(256),
    weight: z.int().min(0).max(10_000).default(1),
    order: z.int().min(0).max(99).default(0),
  })
  .meta({ id: "ModelTarget" });

const modelInput = z.strictObject({
  display_name: z.string().max(128).default(""),
  owned_by: z.string().max(128).default(""),
  context_tokens: z.int().min(0).max(100_000_000).default(0),
  max_output_tokens: z.int().min(0).max(100_000_000).default(0),
  capabilities: wordList.default(["chat", "completions"]),
  targets: z.array(target).max(64).default([]),
  enabled: z.boolean().default(true),
  domains: wordList.default([]),
  languages: wordList.default([]),
  size_class: z.int().min(1).max(5).default(2),
});

const model = modelInput
  .extend({
    id: z.string(),
    source: z.string().meta({ description: "file, management or discovery." }),
    version: z.string(),
  })
  .meta({ id: "CatalogueModel" });

const amount = z.string().meta({ description: "Decimal, per million tokens." });
const price = z
  .strictObject({
    id: z.string(),
    model: z.string(),
    currency: currencyField,
    input_per_million: amount,
    cached_input_per_million: amount,
    output_per_million: amount,
    upstream_input_per_million: amount,
    upstream_cached_input_per_million: amount,
    upstream_output_per_million: amount,
    valid_from: timeField.nullable(),
    valid_until: timeField.nullable(),
  })
  .meta({ id: "Price" });

const priceInput = z.strictObject({
  currency: currencyField.default("USD"),
  input_per_million: amountInput,
  cached_input_per_million: amountInput.optional(),
  output_per_million: amountInput,
  upstream_input_per_million: amountInput.optional(),
  upstream_cached_input_per_million: amountInput.optional(),
  upstream_output_per_million: amountInput.optional(),
  valid_from: timeInput.optional(),
});

const rule = z
  .strictObject({
    id: z.string(),
    order: z.int().min(0).max(100_000),
    kinds: wordList,
    min_prompt_tokens: z.int().min(0).max(100_000_000),
    max_prompt_tokens: z.int().min(0).max(100_000_000),
    languages: wordList,
    domains: wordList,
    model: nameField,
  })
  .meta({ id: "Rule" });

const readModels = { permission: "models:read" } as const;
const writeModels = { permission: "models:write", visibleWith: "models:read" } as const;
const tag = "Models";

const modelEntryRoutes = [
  route({
    method: "GET",
    path: "/api/v1/models",
    operationId: "listCatalogue",
    summary: "Read the whole catalogue: models, aliases, rules and the default model.",
    tag,
    access: readModels,
    reply: z.strictObject({
      version: z.string(),
      default_model: z.string(),
      models: z.array(model),
      aliases: z.array(z.strictObject({ name: z.string(), model: z.string() })),
      rules: z.array(rule),
      unpriced: z.array(z.string()).meta({
        description: "Models without a price; those of a provider are not served.",
      }),
    }),
    handle: async (call, { models }) => {
      const catalogue = await models.watchCatalogue({}, asCaller(call));
      const priced = new Set(catalogue.prices.map((entry) => entry.model));
      return {
        body: {
          version: catalogue.version.toString(),
          default_model: catalogue.defaultModel,
          models: catalogue.models.map(modelFromMessage),
          aliases: catalogue.aliases.map(({ name, model: of }) => ({ name, model: of })),
          rules: catalogue.rules.map(ruleFromMessage),
          unpriced: catalogue.models.map(({ id }) => id).filter((id) => !priced.has(id)),
        },
        version: catalogue.version,
      };
    },
  }),
  route({
    method: "PUT",
    path: "/api/v1/models/:model_id",
    operationId: "putModel",
    summary: "Add a model, or replace one that was added here.",
    tag,
    access: writeModels,
    params: modelParams,
    body: modelInput,
    reply: model,
    faults: ["models.from_file", "models.invalid", "models.version_conflict"],
    handle: async (call, { models }) => {
      const { body } = call;
      const stored = await models.putModel(
        {
          model: {
            id: call.params.model_id,
            displayName: body.display_name,
            ownedBy: body.owned_by,
            contextTokens: body.context_tokens,
            maxOutputTokens: body.max_output_tokens,
            capabilities: body.capabilities,
            targets: body.targets,
            enabled: body.enabled,
            domains: body.domains,
            languages: body.languages,
            sizeClass: body.size_class,
          },
          expectedVersion: call.expectedVersion,
        },
        asCaller(call),
      );
      return { body: modelFromMessage(stored), version: stored.version };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/models/:model_id",
    operationId: "deleteModel",
    summary: "Take back a model that was added here; a discovered one shows itself again.",
    tag,
    access: writeModels,
    params: modelParams,
    faults: ["models.not_found", "models.from_file"],
    handle: async (call, { models }) => {
      await models.deleteModel({ id: call.params.model_id }, asCaller(call));
      return {};
    },
  }),
];

const priceRoutes = [
  route({
    method: "GET",
    path: "/api/v1/models/:model_id/prices",
    operationId: "listPrices",
    summary: "Read a model's prices, those of the past included.",
    tag,
    access: readModels,
    params: modelParams,
    reply: z.strictObject({ data: z.array(price) }),
    handle: async (call, { models }) => {
      const { prices } = await models.listPrices({ model: call.params.model_id }, asCaller(call));
      return { body: { data: prices.map(priceFromMessage) } };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/models/:model_id/prices",
    operationId: "addPrice",
    summary: "Set a price from a moment on; the one before ends there.",
    tag,
    access: writeModels,
    status: 201,
    params: modelParams,
    body: priceInput,
    reply: price,
    faults: ["models.from_file", "models.invalid"],
    handle: async (call, { models }) => {
      const { body } = call;
      const stored = await models.putPrice(
        {
          price: {
            // The client's key makes a repeated request the same price.
            id: call.idempotencyKey === "" ? "" : `key:${call.idempotencyKey}`,
            model: call.params.model_id,
            currency: body.currency,
            inputNanos: body.input_per_million,
            cachedInputNanos: body.cached_input_per_million ?? body.input_per_million,
            outputNanos: body.output_per_million,
            upstreamInputNanos: body.upstream_input_per_million ?? 0n,
            upstreamCachedInputNanos:
              body.upstream_cached_input_per_million ?? body.upstream_input_per_million ?? 0n,
            upstreamOutputNanos: body.upstream_output_per_million ?? 0n,
            validFromMs: body.valid_from ?? 0n,
          },
        },
        asCaller(call),
      );
      return { body: priceFromMessage(stored) };
    },
  }),
];

const aliasAndRuleRoutes = [
  route({
    method: "PUT",
    path: "/api/v1/model-aliases/:name",
    operationId: "putAlias",
    summary: "Give a model another name.",
    tag,
    access: writeModels,
    params: z.strictObject({ name: nameField }),
    body: z.strictObject({ model: nameField }),
    reply: z.strictObject({ name: z.string(), model: z.string() }),
    faults: ["models.from_file", "models.invalid"],
    handle: async (call, { models }) => {
      const alias = { name: call.params.name, model: call.body.model };
      const stored = await models.putAlias({ alias }, asCaller(call));
      return { body: { name: stored.name, model: stored.model } };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/model-aliases/:name",
    operationId: "deleteAlias",
    summary: "Take another name back.",
    tag,
    access: writeModels,
    params: z.strictObject({ name: nameField }),
    faults: ["models.not_found", "models.from_file"],
    handle: async (call, { models }) => {
      await models.deleteAlias({ name: call.params.name }, asCaller(call));
      return {};
    },
  }),
  route({
    method: "PUT",
    path: "/api/v1/model-rules/:rule_id",
    operationId: "putRule",
    summary: "Set a rule by which auto chooses; the lowest order that matches wins.",
    tag,
    access: writeModels,
    params: z.strictObject({ rule_id: nameField }),
    body: rule.omit({ id: true }).partial().required({ model: true }),
    reply: rule,
    faults: ["models.from_file", "models.invalid"],
    handle: async (call, { models }) => {
      const { body } = call;
      const stored = await models.putRule(
        {
          rule: {
            id: call.params.rule_id,
            order: body.order ?? 0,
            kinds: body.kinds ?? [],
            minPromptTokens: body.min_prompt_tokens ?? 0,
            maxPromptTokens: body.max_prompt_tokens ?? 0,
            languages: body.languages ?? [],
            domains: body.domains ?? [],
            model: body.model,
          },
        },
        asCaller(call),
      );
      return { body: ruleFromMessage(stored) };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/model-rules/:rule_id",
    operationId: "deleteRule",
    summary: "Take a rule of auto back.",
    tag,
    access: writeModels,
    params: z.strictObject({ rule_id: nameField }),
    faults: ["models.not_found", "models.from_file"],
    handle: async (call, { models }) => {
      await models.deleteRule({ id: call.params.rule_id }, asCaller(call));
      return {};
    },
  }),
];

export const modelRoutes = [...modelEntryRoutes, ...priceRoutes, ...aliasAndRuleRoutes];

function modelFromMessage(message: Model): z.input<typeof model> {
  return {
    id: message.id,
    display_name: message.displayName,
    owned_by: message.ownedBy,
    context_tokens: message.contextTokens,
    max_output_tokens: message.maxOutputTokens,
    capabilities: message.capabilities,
    targets: message.targets.map(({ upstream, model: name, weight, order }) => ({
      upstream,
      model: name,
      weight,
      order,
    })),
    enabled: message.enabled,
    domains: message.domains,
    languages: message.languages,
    size_class: message.sizeClass,
    source: message.source,
    version: message.version.toString(),
  };
}

function priceFromMessage(message: Price): z.input<typeof price> {
  return {
    id: message.id,
    model: message.model,
    currency: message.currency,
    input_per_million: formatNanos(message.inputNanos),
    cached_input_per_million: formatNanos(message.cachedInputNanos),
    output_per_million: formatNanos(message.outputNanos),
    upstream_input_per_million: formatNanos(message.upstreamInputNanos),
    upstream_cached_input_per_million: formatNanos(message.upstreamCachedInputNanos),
    upstream_output_per_million: formatNanos(message.upstreamOutputNanos),
    valid_from: timeOf(message.validFromMs),
    valid_until: timeOf(message.validUntilMs),
  };
}

function ruleFromMessage(message: Rule): z.input<typeof rule> {
  return {
    id: message.id,
    order: message.order,
    kinds: message.kinds,
    min_prompt_tokens: message.minPromptTokens,
    max_prompt_tokens: message.maxPromptTokens,
    languages: message.languages,
    domains: message.domains,
    model: message.model,
  };
}
