import { anthropicFields, refusedBlocks } from "../../gateways/ai/dialects/anthropic/fields.ts";
import type { FieldTable } from "../../gateways/ai/dialects/field-table.ts";
import { openaiFields } from "../../gateways/ai/dialects/openai/fields.ts";
import { responsesFields } from "../../gateways/ai/dialects/responses/fields.ts";
import { realtimeFields } from "../../gateways/ai/realtime/fields.ts";
import { anthropicUpstreamFields } from "../../gateways/ai/upstream/anthropic/fields.ts";

const intro = `# What becomes of every field

Generated from the tables that the gateway's readers go by; \`npm run gen\` writes this page.

Inside there is one form of a request, OpenAI's chat with DeepSeek's extras. A field is
**carried** (same name, same meaning), **translated** (the same in other words), **ignored**
(no effect, and named in the answer's \`x-tandem-ignored\`) or **refused** (the request would mean
something else without it). A field that is in no table is carried in OpenAI's dialect, and ignored
and named in the others.
`;

const sections: readonly (readonly [title: string, words: string, table: FieldTable])[] = [
  [
    "OpenAI and DeepSeek",
    "`/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, also without `/v1` and under `/beta`.",
    openaiFields,
  ],
  [
    "Anthropic Messages",
    "`/v1/messages`, `/anthropic/v1/messages`, `…/count_tokens`. Any `anthropic-version` is taken; `anthropic-beta` has no effect.",
    anthropicFields,
  ],
  ["OpenAI Responses", "`/v1/responses`, also without `/v1`.", responsesFields],
  [
    "OpenAI Realtime",
    "Client events at `/v1/realtime`, in text. What is ignored is named in `x_tandem.ignored` of the event that answers.",
    realtimeFields,
  ],
  [
    "At an upstream that speaks Anthropic's API",
    "The canonical request on its way to an upstream of the profile `anthropic`.",
    anthropicUpstreamFields,
  ],
];

/** The page of all tables. */
export function dialectsReference(): string {
  const parts = sections.map(
    ([title, words, table]) => `## ${title}\n\n${words}\n\n${rows(table)}`,
  );
  const blocks = Object.entries(refusedBlocks).map(([name, why]) => `| \`${name}\` | ${why} |`);
  const refusals = `### Blocks that are refused\n\n| block | why |\n|---|---|\n${blocks.join("\n")}\n`;
  const [openai = "", anthropic = "", ...rest] = parts;
  return [intro, openai, anthropic, refusals, ...rest].join("\n");
}

function rows(table: FieldTable): string {
  const tables = Object.entries(table).map(([kind, rules]) => {
    const lines = Object.entries(rules).map(([name, { fate, as, note }]) => {
      const target = as === undefined ? "" : as.includes(" ") ? as : `\`${as}\``;
      const words = [target, note ?? ""].filter((text) => text !== "").join("; ");
      return `| \`${name}\` | ${fate} | ${words} |`;
    });
    return `### ${kind.replaceAll("_", " ")}\n\n| field | | |\n|---|---|---|\n${lines.join("\n")}\n`;
  });
  return tables.join("\n");
}
