import type { ChatFormat } from "../core/model-entry.ts";
import {
  type ChatMessage,
  markContents,
  type PromptPart,
  questionAnswerParts,
  splitAtContents,
} from "../core/prompt-parts.ts";
import { faults } from "../faults.ts";
import type { ChatTemplate, LlamaModel } from "./llama.ts";

export interface PromptTools {
  readonly model: LlamaModel;
  readonly format: ChatFormat;
  /** Undefined when the file has none. */
  readonly template: ChatTemplate | undefined;
  /** Said first where nobody says anything as the system; empty for nothing. */
  readonly system: string;
}

/** The tokens up to where the assistant's answer begins. */
export function chatPromptTokens(
  messages: readonly ChatMessage[],
  tools: PromptTools,
): readonly number[] {
  const isInstructed = tools.system === "" || messages.some(({ role }) => role === "system");
  const all = isInstructed ? messages : [{ role: "system", content: tools.system }, ...messages];
  return tokensOfParts(chatParts(all, tools), tools.model);
}

function chatParts(
  messages: readonly ChatMessage[],
  { model, format, template }: PromptTools,
): readonly PromptPart[] {
  if (format === "question_answer") return questionAnswerParts(messages);
  if (template === undefined) {
    throw faults.unsupported({
      publicMessage:
        "This model's file has no chat template, so it cannot chat. Use /v1/completions with it.",
    });
  }
  let rendered: string;
  try {
    rendered = template.render({
      messages: markContents(messages),
      add_generation_prompt: true,
      bos_token: model.tokens.bosString ?? "",
      eos_token: model.tokens.eosString ?? "",
      tools: null,
    });
  } catch (error) {
    throw faults.bad_request({
      publicMessage:
        "The model's chat template refuses these messages: " +
        `${error instanceof Error ? error.message : String(error)}.`,
      cause: error,
    });
  }
  return splitAtContents(rendered, messages);
}

function tokensOfParts(parts: readonly PromptPart[], model: LlamaModel): readonly number[] {
  const tokens: number[] = [];
  for (const { text, isFormat } of parts) {
    const isFirst = tokens.length === 0;
    tokens.push(...model.tokenize(text, isFormat, isFirst ? undefined : "trimLeadingSpace"));
  }
  return withBeginning(tokens, model);
}

/** Many models were trained with a mark at the start of every text. */
function withBeginning(tokens: readonly number[], model: LlamaModel): readonly number[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  return bos !== null && shouldPrependBosToken && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

/** The tokens of a plain text to go on from. */
export function textPromptTokens(text: string, model: LlamaModel): readonly number[] {
  return withBeginning(model.tokenize(text), model);
}

/** The tokens of a gap to fill; refused for models that never learnt it. */
export function infillPromptTokens(
  { prefix, suffix }: { readonly prefix: string; readonly suffix: string },
  model: LlamaModel,
): readonly number[] {
  const { infill } = model.tokens;
  if (infill.prefix === null || infill.suffix === null || infill.middle === null) {
    throw faults.unsupported({
      publicMessage:
        "This model cannot fill in the middle (it has no tokens for that). Leave `suffix` out.",
    });
  }
  const tokens = [
    infill.prefix,
    ...model.tokenize(prefix, false, "trimLeadingSpace"),
    infill.suffix,
    ...model.tokenize(suffix, false, "trimLeadingSpace"),
    infill.middle,
  ];
  return withBeginning(tokens, model);
}
