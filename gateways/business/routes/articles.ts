/** Articles of the knowledge base. */
import { idField, pageOf, pageQueryWith, pageReply } from "@tandem/libs/gateway";
import { z } from "zod";
import {
  article,
  articleBody,
  articleBodyBytes,
  articleItem,
  articleItemBody,
  articlePlace,
  flagQuery,
  languageField,
  tagField,
  writableShape,
} from "./article-fields.ts";
import { asCaller, idempotencyKeyOf, route } from "./services.ts";

const readOne = { permission: "articles:read", visibleWith: "articles:read" } as const;
const writeOne = { permission: "articles:write", visibleWith: "articles:read" } as const;
const tag = "Articles";
const path = "/api/v1/articles";
const one = `${path}/:article_id`;

const readRoutes = [
  route({
    method: "GET",
    path,
    operationId: "listArticles",
    summary: "List articles, newest first: all to those who write, else those one may read.",
    tag,
    access: { permission: "articles:read" },
    stale: "caller",
    query: pageQueryWith({
      state: z.enum(["draft", "published", "changed"]).optional(),
      language: languageField.optional(),
      tag: tagField.optional(),
      project_id: idField("prj").optional(),
    }),
    reply: pageOf(articleItem),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { limit, after, state, language, tag: wantedTag, project_id } = call.query;
      const found = await articles.listArticles(
        {
          ...{ organisationId, limit, after },
          state: state ?? "",
          language: language ?? "",
          tag: wantedTag ?? "",
          projectId: project_id ?? "",
        },
        asCaller(call),
      );
      return pageReply({
        items: found.articles.map(articleItemBody),
        hasMore: found.hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: one,
    operationId: "getArticle",
    summary: "Read an article: its newest version to those who write, else what is published.",
    tag,
    access: readOne,
    stale: "caller",
    params: articlePlace,
    query: z.strictObject({
      published: flagQuery.meta({ description: "Show the published version in any case." }),
    }),
    reply: article,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { published } = call.query;
      const request = { organisationId, id: call.params.article_id, published };
      const found = await articles.getArticle(request, asCaller(call));
      return { body: articleBody(found), version: found.version };
    },
  }),
];

const writeRoutes = [
  route({
    method: "POST",
    path,
    operationId: "createArticle",
    summary: "Write an article: a draft, or published at once.",
    tag,
    access: { permission: "articles:write" },
    status: 201,
    bodyLimitBytes: articleBodyBytes,
    faults: ["articles.malformed", "articles.library_full"],
    body: z.strictObject({
      ...writableShape,
      language: languageField.default("en"),
      tags: writableShape.tags.default([]),
      project_ids: writableShape.project_ids.default([]),
      publish: z.boolean().default(false),
    }),
    reply: article,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { project_ids, ...fields } = call.body;
      const idempotencyKey = idempotencyKeyOf(call);
      const made = await articles.createArticle(
        { ...fields, organisationId, projectIds: project_ids, idempotencyKey },
        asCaller(call),
      );
      return { body: articleBody(made), version: made.version };
    },
  }),
  route({
    method: "PATCH",
    path: one,
    operationId: "updateArticle",
    summary: "Change an article.",
    description:
      "A new title, language or text is a new version, a draft until it is published; tags and " +
      "projects hold at once.",
    tag,
    access: writeOne,
    needsIfMatch: true,
    bodyLimitBytes: articleBodyBytes,
    faults: ["articles.malformed", "articles.version_mismatch"],
    params: articlePlace,
    body: z.strictObject(z.strictObject(writableShape).partial().shape),
    reply: article,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { title, language, body, tags, project_ids } = call.body;
      const changed = await articles.updateArticle(
        {
          ...{ organisationId, id: call.params.article_id },
          ...(title === undefined ? {} : { title }),
          ...(language === undefined ? {} : { language }),
          ...(body === undefined ? {} : { body }),
          ...(tags === undefined ? {} : { tags: { values: tags } }),
          ...(project_ids === undefined ? {} : { projectIds: { values: project_ids } }),
          expectedVersion: call.expectedVersion,
        },
        asCaller(call),
      );
      return { body: articleBody(changed), version: changed.version };
    },
  }),
  route({
    method: "DELETE",
    path: one,
    operationId: "deleteArticle",
    summary: "Delete an article with its versions and attachments, for good.",
    tag,
    access: writeOne,
    needsIfMatch: true,
    faults: ["articles.version_mismatch"],
    params: articlePlace,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { expectedVersion, params } = call;
      const request = { organisationId, id: params.article_id, expectedVersion };
      await articles.deleteArticle(request, asCaller(call));
      return {};
    },
  }),
];

const publicationRoutes = [
  route({
    method: "POST",
    path: `${one}/publish`,
    operationId: "publishArticle",
    summary: "Publish an article's newest version, or an older one.",
    tag,
    access: writeOne,
    needsIfMatch: true,
    idempotency: "none",
    faults: ["articles.version_mismatch", "articles.version_not_found"],
    params: articlePlace,
    body: z.strictObject({ version: z.int().min(1).max(1_000_000_000).optional() }),
    reply: article,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { expectedVersion, params, body } = call;
      const published = await articles.publishArticle(
        { organisationId, id: params.article_id, number: body.version ?? 0, expectedVersion },
        asCaller(call),
      );
      return { body: articleBody(published), version: published.version };
    },
  }),
  route({
    method: "POST",
    path: `${one}/unpublish`,
    operationId: "unpublishArticle",
    summary: "Take an article back: readers and search do not find it from now on.",
    tag,
    access: writeOne,
    needsIfMatch: true,
    idempotency: "none",
    faults: ["articles.version_mismatch"],
    params: articlePlace,
    reply: article,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { expectedVersion, params } = call;
      const request = { organisationId, id: params.article_id, expectedVersion };
      const taken = await articles.unpublishArticle(request, asCaller(call));
      return { body: articleBody(taken), version: taken.version };
    },
  }),
];

export const articleRoutes = [...readRoutes, ...writeRoutes, ...publicationRoutes];
