import { jsonKind, nowhere } from "../json-document.ts";
import { likelyPromptTokens } from "../money/prompt-estimate.ts";
import type { Feature, GenerationRequest } from "../request/generation-request.ts";
import type { RequestTraits } from "./catalogue.ts";

const kindByFeature: Readonly<Partial<Record<Feature, string>>> = {
  chat: "chat",
  fim: "fim",
  json_object: "json",
  json_schema: "json",
  tools: "tools",
  vision: "vision",
};

/** What the rules of `auto` may look at. Only asked for when a request says `auto`. */
export function requestTraits(request: GenerationRequest): RequestTraits {
  const kinds = new Set<string>();
  for (const feature of request.features) {
    const kind = kindByFeature[feature];
    if (kind !== undefined) kinds.add(kind);
  }
  const text = lastUserText(request);
  return {
    kinds,
    promptTokens: likelyPromptTokens(request.prompt),
    language: languageOf(text),
    domain: domainOf(text),
  };
}

/** The words of the last turn of a user, as far as they are plain text. */
function lastUserText({ document }: GenerationRequest): string {
  const messages = document.member(document.root, "messages");
  if (messages === nowhere) {
    const prompt = document.member(document.root, "prompt");
    const isText = prompt !== nowhere && document.kind(prompt) === jsonKind.string;
    return isText ? document.text(prompt) : "";
  }
  let text = "";
  let message = document.firstChild(messages);
  while (message !== nowhere) {
    const role = document.member(message, "role");
    const content = document.member(message, "content");
    if (role !== nowhere && content !== nowhere && document.textIs(role, "user")) {
      if (document.kind(content) === jsonKind.string) text = document.text(content);
    }
    message = document.nextChild(messages, message);
  }
  return text.slice(0, 2_000);
}

const scripts: readonly (readonly [RegExp, string])[] = [
  [/[\u3040-\u30ff]/g, "ja"],
  [/[\uac00-\ud7af]/g, "ko"],
  [/[\u4e00-\u9fff]/g, "zh"],
  [/[\u0400-\u04ff]/g, "ru"],
  [/[\u0600-\u06ff]/g, "ar"],
  [/[\u0900-\u097f]/g, "hi"],
];

/** By script, where that settles it; English words for the rest of Latin; else unknown. */
function languageOf(text: string): string {
  for (const [script, language] of scripts) {
    const letters = text.match(script)?.length ?? 0;
    if (letters > 0 && letters * 5 > text.length) return language;
  }
  return /\b(the|and|is|what|how|you)\b/i.test(text) ? "en" : "";
}

/** A crude guess from marks that are seldom found elsewhere. */
function domainOf(text: string): string {
  if (/```|\b(function|class|def|import|const|return|SELECT)\b.*[;({]/.test(text)) return "code";
  if (/\b(translate|traduis|übersetze)\b|翻译/i.test(text)) return "translation";
  if (/[=+*/^]\s*\d|\b(integral|equation|solve|prove|theorem)\b/i.test(text)) return "math";
  return text === "" ? "" : "general";
}
