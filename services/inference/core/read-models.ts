/** What a server's list of models says, in any of the forms servers use. */
export interface FoundModel {
  readonly name: string;
  /** 0 when the server does not tell. */
  readonly contextTokens: number;
  readonly capabilities: readonly string[];
}

/** Member names under which servers tell the context length, the surest first. */
const contextMembers = [
  "max_model_len", // vLLM, SGLang
  "context_window", // DeepSeek
  "context_length", // OpenRouter-like servers, the engine
  "max_context_length", // LM Studio
  "n_ctx_train", // llama.cpp, inside `meta`
] as const;

type Json = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The models of an answer to `GET …/models`. Undefined when the text is no such list. */
export function readModels(text: string): readonly FoundModel[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed)) return undefined;
  const list = parsed["data"] ?? parsed["models"];
  if (!Array.isArray(list)) return undefined;
  const found: FoundModel[] = [];
  for (const entry of list) {
    const model = isRecord(entry) ? readModel(entry) : undefined;
    if (model !== undefined) found.push(model);
  }
  return found;
}

function readModel(entry: Json): FoundModel | undefined {
  const name = entry["id"] ?? entry["name"] ?? entry["model"];
  if (typeof name !== "string" || name === "") return undefined;
  const places: readonly Json[] = isRecord(entry["meta"]) ? [entry, entry["meta"]] : [entry];
  let contextTokens = 0;
  for (const place of places) {
    for (const member of contextMembers) {
      const value = place[member];
      if (
        contextTokens === 0 &&
        typeof value === "number" &&
        Number.isInteger(value) &&
        value > 0
      ) {
        contextTokens = value;
      }
    }
  }
  const told = entry["capabilities"];
  const capabilities = Array.isArray(told)
    ? told.filter((item): item is string => typeof item === "string")
    : guessCapabilities(name);
  return { name, contextTokens, capabilities };
}

/** Servers that list embedders among their models name them so; everything else can chat. */
function guessCapabilities(name: string): readonly string[] {
  return /embed|minilm|bge-|e5-|gte-/i.test(name) ? ["embeddings"] : ["chat", "completions"];
}
