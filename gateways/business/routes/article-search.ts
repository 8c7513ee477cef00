/** What is found in articles, answers quoted from them, and whose chats get them. */
import type { Rule } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { idField, integerQuery, lineField } from "@tandem/libs/gateway";
import { z } from "zod";
import { hit, hitBody, languageField } from "./article-fields.ts";
import { asCaller, route } from "./services.ts";

const queryField = lineField({ max: 2_000 });
const read = { permission: "articles:read" } as const;
const tag = "Articles";

const searchRoutes = [
  route({
    method: "GET",
    path: "/api/v1/search",
    operationId: "searchArticles",
    summary: "Search published articles by meaning, words and exact terms.",
    description:
      "Finds what a key of the caller's project may read. Those who see drafts may look with " +
      "another project's eyes. `x-tandem-degraded: embeddings` says that meaning was left out.",
    tag,
    access: read,
    stale: "caller",
    faults: ["articles.malformed", "articles.permission_missing"],
    query: z.strictObject({
      q: queryField,
      limit: integerQuery({ min: 1, max: 50, default: 10 }),
      language: languageField.optional(),
      project_id: idField("prj").optional(),
      mode: z.enum(["hybrid", "lexical", "vector"]).default("hybrid"),
    }),
    reply: z.object({
      data: z.array(hit),
      vector_scope: z.enum(["all", "candidates", "none"]).meta({
        description: "Which passages meaning was asked of: all, those that words found, none.",
      }),
    }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { q: query, limit, language, project_id, mode } = call.query;
      const found = await articles.search(
        {
          ...{ organisationId, query, limit, mode },
          language: language ?? "",
          projectId: project_id ?? "",
        },
        asCaller(call),
      );
      const { vectorScope: scope } = found;
      const vector_scope = scope === "all" || scope === "candidates" ? scope : "none";
      const [degraded] = found.degraded;
      const body = { data: found.hits.map(hitBody), vector_scope } as const;
      return degraded === undefined ? { body } : { body, degraded };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/search/answer",
    operationId: "answerFromArticles",
    summary: "Answer a question with sentences quoted from articles, or decline.",
    description: "No language model: nothing is said that does not stand in an article.",
    tag,
    access: read,
    stale: "caller",
    faults: ["articles.malformed"],
    query: z.strictObject({ q: queryField, language: languageField.optional() }),
    reply: z.object({
      is_answered: z.boolean(),
      quotes: z.array(
        z.object({
          text: z.string(),
          citation: z.int().meta({ description: "Which of the passages it stands in, from 1." }),
          score: z.number(),
        }),
      ),
      passages: z.array(hit),
    }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { q: query, language = "" } = call.query;
      const found = await articles.answer({ organisationId, query, language }, asCaller(call));
      const quotes = found.quotes.map(({ text, hit: citation, score }) => ({
        ...{ text, citation, score },
      }));
      const body = {
        is_answered: quotes.length > 0,
        quotes,
        passages: found.hits.map(hitBody),
      };
      const [degraded] = found.degraded;
      return degraded === undefined ? { body } : { body, degraded };
    },
  }),
];

const rule = z
  .object({
    project_id: z.string(),
    passages: z.int().meta({ description: "That a chat gets, at most." }),
    models: z.array(z.string()).meta({ description: "A trailing * is a prefix; empty: all." }),
  })
  .meta({ id: "ArticleRule" });

function ruleBody({ projectId, limit, models }: Rule): z.input<typeof rule> {
  return { project_id: projectId, passages: limit, models };
}

const rulePlace = z.strictObject({ project_id: idField("prj") });
const writeRule = { permission: "articles:write", visibleWith: "articles:read" } as const;
const rulePath = "/api/v1/article-rules";

const ruleRoutes = [
  route({
    method: "GET",
    path: rulePath,
    operationId: "listArticleRules",
    summary: "List the projects whose chats get articles without asking.",
    tag,
    access: { permission: "articles:write" },
    stale: "caller",
    reply: z.object({ data: z.array(rule) }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { rules } = await articles.listRules({ organisationId }, asCaller(call));
      return { body: { data: rules.map(ruleBody) } };
    },
  }),
  route({
    method: "POST",
    path: rulePath,
    operationId: "putArticleRule",
    summary: "Have a project's chats get articles without asking; in force within a second.",
    tag,
    access: { permission: "articles:write" },
    status: 201,
    faults: ["articles.malformed"],
    body: z.strictObject({
      project_id: idField("prj"),
      passages: z.int().min(1).max(20).default(5),
      models: z.array(z.string().max(129)).max(50).default([]),
    }),
    reply: rule,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { project_id: projectId, passages: limit, models } = call.body;
      const wanted = { organisationId, projectId, limit, models };
      return { body: ruleBody(await articles.putRule({ rule: wanted }, asCaller(call))) };
    },
  }),
  route({
    method: "DELETE",
    path: `${rulePath}/:project_id`,
    operationId: "deleteArticleRule",
    summary: "Have a project's chats get articles only when they ask.",
    tag,
    access: writeRule,
    params: rulePlace,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { project_id: projectId } = call.params;
      await articles.deleteRule({ organisationId, projectId }, asCaller(call));
      return {};
    },
  }),
];

export const articleSearchRoutes = [...searchRoutes, ...ruleRoutes];
