/** What belongs to an article: its versions and attachments; and the import of a folder. */
import { idField, integerQuery, lineField, pageOf } from "@tandem/libs/gateway";
import { z } from "zod";
import {
  articlePlace,
  articleVersion,
  attachment,
  attachmentBody,
  languageField,
  tagField,
  versionBody,
} from "./article-fields.ts";
import { asCaller, route } from "./services.ts";

const readOne = { permission: "articles:read", visibleWith: "articles:read" } as const;
const writeOne = { permission: "articles:write", visibleWith: "articles:read" } as const;
const tag = "Articles";
const one = "/api/v1/articles/:article_id";
const attachmentPlace = z.strictObject({
  article_id: idField("art"),
  attachment_id: idField("att"),
});
const numberField = z
  .string()
  .regex(/^[1-9][0-9]{0,8}$/)
  .transform(Number);
/** Half a MiB of text, each character of it written as an escape. */
const attachmentBytes = 4 * 1024 * 1024;
const importBytes = 8 * 1024 * 1024;

const versionRoutes = [
  route({
    method: "GET",
    path: `${one}/versions`,
    operationId: "listArticleVersions",
    summary: "List an article's versions, newest first; to those who see drafts.",
    tag,
    access: readOne,
    stale: "caller",
    params: articlePlace,
    query: z.strictObject({
      limit: integerQuery({ min: 1, max: 100, default: 20 }),
      after: numberField.optional(),
    }),
    reply: pageOf(articleVersion),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { limit, after: before = 0 } = call.query;
      const found = await articles.listVersions(
        { organisationId, articleId: call.params.article_id, limit, before },
        asCaller(call),
      );
      const items = found.versions.map(versionBody);
      const numberOf = (item: (typeof items)[number] | undefined): string | null =>
        item === undefined ? null : String(item.number);
      const [first, last] = [numberOf(items.at(0)), numberOf(items.at(-1))];
      const body = { data: items, has_more: found.hasMore, first_id: first, last_id: last };
      const [path = ""] = call.target.split("?");
      const next = `<${path}?limit=${limit}&after=${last}>; rel="next"`;
      return found.hasMore ? { body, headers: [["link", next]] } : { body };
    },
  }),
  route({
    method: "GET",
    path: `${one}/versions/:number`,
    operationId: "getArticleVersion",
    summary: "Read a version of an article.",
    tag,
    access: readOne,
    stale: "caller",
    params: z.strictObject({ article_id: idField("art"), number: numberField }),
    reply: articleVersion.extend({ body: z.string() }).meta({ id: "WholeArticleVersion" }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { article_id: articleId, number } = call.params;
      const found = await articles.getVersion(
        { organisationId, articleId, number },
        asCaller(call),
      );
      return { body: { ...versionBody(found), body: found.body } };
    },
  }),
];

const attachmentRoutes = [
  route({
    method: "POST",
    path: `${one}/attachments`,
    operationId: "putAttachment",
    summary: "Attach a text to an article, in place of an earlier one of the same name.",
    tag,
    access: writeOne,
    status: 201,
    bodyLimitBytes: attachmentBytes,
    faults: ["articles.malformed", "articles.attachments_full"],
    params: articlePlace,
    body: z.strictObject({
      name: lineField({ max: 120 }),
      media_type: z.string().max(80).default("text/plain"),
      content: z
        .string()
        .min(1)
        .max(512 * 1024),
    }),
    reply: attachment,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { name, media_type: mediaType, content } = call.body;
      const kept = await articles.putAttachment(
        { organisationId, articleId: call.params.article_id, name, mediaType, content },
        asCaller(call),
      );
      return { body: attachmentBody(kept) };
    },
  }),
  route({
    method: "GET",
    path: `${one}/attachments`,
    operationId: "listAttachments",
    summary: "List an article's attachments, by name.",
    tag,
    access: readOne,
    stale: "caller",
    params: articlePlace,
    reply: z.object({ data: z.array(attachment) }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, articleId: call.params.article_id };
      const { attachments } = await articles.listAttachments(request, asCaller(call));
      return { body: { data: attachments.map(attachmentBody) } };
    },
  }),
  route({
    method: "GET",
    path: `${one}/attachments/:attachment_id`,
    operationId: "getAttachment",
    summary: "Read an attachment.",
    tag,
    access: readOne,
    stale: "caller",
    params: attachmentPlace,
    reply: attachment.extend({ content: z.string() }).meta({ id: "WholeAttachment" }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { article_id: articleId, attachment_id: id } = call.params;
      const found = await articles.getAttachment({ organisationId, articleId, id }, asCaller(call));
      return { body: { ...attachmentBody(found), content: found.content } };
    },
  }),
  route({
    method: "DELETE",
    path: `${one}/attachments/:attachment_id`,
    operationId: "deleteAttachment",
    summary: "Delete an attachment.",
    tag,
    access: writeOne,
    params: attachmentPlace,
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { article_id: articleId, attachment_id: id } = call.params;
      await articles.deleteAttachment({ organisationId, articleId, id }, asCaller(call));
      return {};
    },
  }),
];

const importRoutes = [
  route({
    method: "POST",
    path: "/api/v1/articles/import",
    operationId: "importArticles",
    summary: "Import files of a folder: Markdown and plain text, each an article by its path.",
    description:
      "Imported again, an article is changed where its file was. Front matter may say title, " +
      "language, tags and draft. A file that is refused says why and keeps no other out.",
    tag,
    access: { permission: "articles:write" },
    bodyLimitBytes: importBytes,
    faults: ["articles.malformed"],
    body: z.strictObject({
      files: z
        .array(z.strictObject({ path: z.string().min(1).max(300), content: z.string() }))
        .min(1)
        .max(200),
      language: languageField.default("en").meta({ description: "Of files that do not say." }),
      tags: z.array(tagField).max(20).default([]),
      project_ids: z.array(idField("prj")).max(100).default([]),
      publish: z.boolean().default(false),
    }),
    reply: z.object({
      data: z.array(
        z.object({
          path: z.string(),
          outcome: z.enum(["created", "updated", "unchanged", "refused"]),
          article_id: z.string().nullable(),
          problem: z.string().nullable(),
        }),
      ),
    }),
    async handle(call, { articles }) {
      const { organisationId } = call.caller.claims;
      const { project_ids: projectIds, ...fields } = call.body;
      const request = { ...fields, organisationId, projectIds };
      const { files } = await articles.importArticles(request, asCaller(call));
      const data = files.map(({ path, outcome, articleId, problem }) => ({
        path,
        outcome: outcomeOf(outcome),
        article_id: articleId || null,
        problem: problem || null,
      }));
      return { body: { data } };
    },
  }),
];

function outcomeOf(outcome: string): "created" | "updated" | "unchanged" | "refused" {
  if (outcome === "created" || outcome === "updated" || outcome === "unchanged") return outcome;
  return "refused";
}

export const articlePartRoutes = [...versionRoutes, ...attachmentRoutes, ...importRoutes];
