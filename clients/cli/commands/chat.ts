import { text as readAll } from "node:stream/consumers";
import type { Command, Context } from "../command.ts";
import { unreachable } from "../connection/management-api.ts";
import { CommandError, exitCodeOf, exitCodes } from "../exit-codes.ts";

const headTimeoutMs = 120_000;

/** One question, answered as it comes. A broken answer ends with exit code 1, never silently. */
export const chat: Command = {
  name: "chat",
  usage: "[-m MODEL] [PROMPT]",
  summary: "Asks a model; without a prompt the question is read from stdin.",
  words: [0, 64],
  options: { model: { type: "string", short: "m" } },
  run: async (context) => {
    const { words, options, stdin, settings, isJson } = context;
    const prompt = words.length > 0 ? words.join(" ") : (await readAll(stdin)).trim();
    if (prompt === "") throw new CommandError(exitCodes.wrongUsage, "There is no question.");
    const given = options["model"];
    const model = typeof given === "string" ? given : (settings.model ?? "auto");
    const said = await ask(context, { model, prompt });
    if (!isJson) context.write("\n");
    return isJson ? { data: { model, text: said }, text: "" } : undefined;
  },
};

async function ask(
  { settings, write, isJson }: Context,
  { model, prompt }: { readonly model: string; readonly prompt: string },
): Promise<string> {
  const { baseUrl, apiKey } = settings;
  if (baseUrl === undefined || apiKey === undefined) {
    throw new CommandError(exitCodes.notAllowed, "There is no address and key of a model API.", {
      remedy: "Set OPENAI_BASE_URL and OPENAI_API_KEY, or name a data directory: --data DIR",
    });
  }
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
    signal: AbortSignal.timeout(headTimeoutMs),
  }).catch((error: unknown) => {
    throw unreachable(baseUrl, error);
  });
  if (!response.ok || response.body === null) throw await refusal(response);
  let said = "";
  let isComplete = false;
  for await (const data of eventsOf(response.body)) {
    if (data === "[DONE]") isComplete = true;
    else {
      const words = wordsOf(data);
      said += words;
      if (!isJson) write(words);
    }
  }
  if (!isComplete) throw new CommandError(exitCodes.failed, "The answer broke off in the middle.");
  return said;
}

async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data: ")) yield line.slice(6).trim();
    }
  } catch {
    throw new CommandError(exitCodes.failed, "The connection broke in the middle of the answer.");
  }
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly error?: { readonly message?: string };
}

function wordsOf(data: string): string {
  const chunk = JSON.parse(data) as Chunk;
  if (chunk.error !== undefined) {
    throw new CommandError(exitCodes.failed, chunk.error.message ?? "The model failed.");
  }
  return chunk.choices?.[0]?.delta?.content ?? "";
}

async function refusal(response: Response): Promise<CommandError> {
  const body = (await response.json().catch(() => ({}))) as Chunk;
  const requestId = response.headers.get("x-request-id");
  return new CommandError(
    exitCodeOf(response.status),
    body.error?.message ?? `The answer was ${response.status}.`,
    requestId === null ? {} : { requestId },
  );
}
