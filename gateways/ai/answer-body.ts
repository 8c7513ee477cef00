import { costOf } from "./answer-fields.ts";
import type { Call } from "./call.ts";
import { jsonKind, nowhere } from "./core/json-document.ts";
import { writeUsage } from "./core/money/token-usage.ts";
import { assembleAnswer, messageOf, wholeAnswer } from "./core/stream/assemble-answer.ts";
import { writeEmbeddings } from "./core/whole/embeddings.ts";
import { writeWholeAnswer } from "./core/whole/whole-reader.ts";

const wholeObjects = {
  chat: "chat.completion",
  completions: "text_completion",
  embeddings: "list",
} as const;

/** The usage as the client gets it, with what this answer cost under a key that SDKs ignore. */
export function usageJson(call: Call): string {
  return writeUsage(call.usage, extensionOf(call));
}

function extensionOf(call: Call): string {
  const { price, usage } = call;
  const cost =
    price === undefined
      ? ""
      : `"cost":"${costOf(call)}","currency":${JSON.stringify(price.currency)},`;
  const estimated = usage.isEstimated ? `,"estimated":true` : "";
  const resumed = !call.splice?.resumed ? "" : `,"resumed":${call.splice.resumed}`;
  const cited = citationsOf(call);
  return `"x_tandem":{${cost}"attempts":${call.attempts.length}${resumed}${estimated}${cited}}`;
}

/** What in the context the answer may have come from, by the numbers that it cites. */
function citationsOf({ articles }: Call): string {
  if (articles === undefined) return "";
  const list = articles.citations.map((citation) => ({
    number: citation.number,
    article_id: citation.articleId,
    article_version: citation.articleVersion,
    passage_id: citation.passageId,
    title: citation.title,
    headings: citation.headings,
    ...(citation.attachment === "" ? {} : { attachment: citation.attachment }),
    score: Math.round(citation.score * 1_000) / 1_000,
  }));
  return `,"citations":${JSON.stringify(list)}`;
}

/**
 * The whole answer as the client gets it, or would get it, from whatever form it came in. `usage`
 * is its usage as JSON.
 */
export function wholeBody(call: Call, usage = usageJson(call)): Buffer {
  const { whole, embeddings, endpoint, target } = call;
  const shown = { model: call.shownModel, usageJson: usage };
  if (embeddings !== undefined) {
    return writeEmbeddings(embeddings, { ...shown, encoding: encodingOf(call) });
  }
  if (whole !== undefined) {
    const reasoningKey = target?.upstream.profile.reasoningKey;
    return writeWholeAnswer(whole, { ...shown, object: wholeObjects[endpoint], reasoningKey });
  }
  const closing = call.reader?.closing(shown.usageJson) ?? Buffer.alloc(0);
  const answer = assembleAnswer(Buffer.concat([call.sent.bytes, closing]));
  return Buffer.from(
    wholeAnswer(answer, {
      endpoint: endpoint === "completions" ? "completions" : "chat",
      usageJson: shown.usageJson,
    }),
  );
}

/** The assistant's message of a complete answer, as JSON; undefined when there is none. */
export function answerMessage({ whole, sent }: Call): string | undefined {
  if (whole === undefined) {
    const [choice] = assembleAnswer(sent.bytes).choices;
    return choice === undefined ? undefined : JSON.stringify(messageOf(choice));
  }
  const { document } = whole;
  const choice = document.firstChild(document.member(document.root, "choices"));
  const message = document.member(choice, "message");
  return message === nowhere ? undefined : document.raw(message);
}

function encodingOf({ request }: Call): "float" | "base64" {
  const { document } = request;
  const format = document.member(document.root, "encoding_format");
  const isBase64 =
    format !== nowhere &&
    document.kind(format) === jsonKind.string &&
    document.textIs(format, "base64");
  return isBase64 ? "base64" : "float";
}
