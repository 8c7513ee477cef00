/** What articles, attachments and imports may hold, judged before anything is stored. Pure. */
import { isLanguageTag } from "./languages.ts";

export const titleLengthMax = 200;
export const bodyLengthMax = 512 * 1024;
export const tagsMax = 20;
export const projectsMax = 100;
export const attachmentsMax = 20;
export const attachmentLengthMax = 512 * 1024;
/** Of all attachments of an article together. */
export const attachmentsLengthMax = 4 * 1024 * 1024;
export const importFilesMax = 200;
export const queryLengthMax = 2_000;
export const pathLengthMax = 300;

const tagPattern = /^[\p{L}\p{N}][\p{L}\p{N} ._/-]{0,49}$/u;
const projectPattern = /^prj_[0-9a-hjkmnp-tv-z]{26}$/;
const namePattern = /^[^\p{Cc}\p{Cs}/\\]{1,120}$/u;
const mediaTypes = new Set(["application/json", "application/xml", "application/yaml"]);
const pathPattern = /^[^\p{Cc}\p{Cs}\\]+$/u;
/** What PostgreSQL cannot hold, and half characters. */
const unstorable = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

export interface ArticleFields {
  readonly title: string;
  readonly language: string;
  readonly body: string;
  readonly tags: readonly string[];
  readonly projectIds: readonly string[];
}

export function isText(text: string): boolean {
  return !unstorable.test(text);
}

/** A title on one line without blanks at its ends. */
export function cleanTitle(title: string): string {
  return title.replace(/\s+/gu, " ").trim();
}

/** What is wrong, in words; undefined when nothing is. */
export function problemOfArticle(fields: ArticleFields): string | undefined {
  const { title, language, body, tags, projectIds } = fields;
  if (title === "" || title.length > titleLengthMax || /\p{Cc}/u.test(title) || !isText(title)) {
    return `A title has 1 to ${titleLengthMax} characters, on one line.`;
  }
  if (!isLanguageTag(language)) return "The language is a tag like en, fr or zh-Hans.";
  if (body.length > bodyLengthMax) return `An article has at most ${bodyLengthMax} characters.`;
  if (!isText(body)) return "The article holds a character that is no text.";
  return problemOfTags(tags) ?? problemOfProjects(projectIds);
}

export function problemOfTags(tags: readonly string[]): string | undefined {
  if (tags.length > tagsMax) return `An article has at most ${tagsMax} tags.`;
  if (new Set(tags).size !== tags.length) return "A tag stands there twice.";
  const tag = tags.find((text) => !tagPattern.test(text));
  return tag === undefined ? undefined : `"${tag.slice(0, 60)}" is no tag.`;
}

export function problemOfProjects(projectIds: readonly string[]): string | undefined {
  if (projectIds.length > projectsMax) return `An article names at most ${projectsMax} projects.`;
  if (new Set(projectIds).size !== projectIds.length) return "A project stands there twice.";
  const id = projectIds.find((text) => !projectPattern.test(text));
  return id === undefined ? undefined : `"${id.slice(0, 60)}" is no id of a project.`;
}

export function problemOfAttachment(attachment: {
  readonly name: string;
  readonly mediaType: string;
  readonly content: string;
}): string | undefined {
  const { name, mediaType, content } = attachment;
  if (!namePattern.test(name) || name.trim() !== name) {
    return "An attachment's name has 1 to 120 characters, without slashes.";
  }
  if (!mediaTypes.has(mediaType) && !/^text\/[a-z0-9.+-]{1,60}$/.test(mediaType)) {
    return "Attachments are text: text/plain, text/markdown, text/csv, application/json …";
  }
  if (content === "") return "The attachment is empty.";
  if (content.length > attachmentLengthMax) {
    return `An attachment has at most ${attachmentLengthMax} characters.`;
  }
  return isText(content) ? undefined : "The attachment holds a character that is no text.";
}

export function problemOfPath(path: string): string | undefined {
  const isFine =
    path.length > 0 &&
    path.length <= pathLengthMax &&
    pathPattern.test(path) &&
    isText(path) &&
    !path.startsWith("/") &&
    !path.split("/").some((part) => part === "" || part === "." || part === "..");
  return isFine
    ? undefined
    : "A path is relative to the folder, with single slashes, without dots.";
}
