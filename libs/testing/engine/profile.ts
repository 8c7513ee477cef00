/** What servers of the known kinds say about themselves: models, context length, version. Pure. */

/** Which server an engine imitates. */
export type EngineProfile =
  | "vllm"
  | "sglang"
  | "llamacpp"
  | "ollama"
  | "deepseek"
  | "openai"
  | "modelstudio"
  | "anthropic";

export interface EngineModel {
  readonly id: string;
  /** Tokens of prompt and answer together. */
  readonly contextTokens: number;
  /** Tokens of reasoning before each answer; the engine's own habit when absent. */
  readonly reasoningTokens?: number;
}

export interface SideRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly body: unknown;
}

/** Seconds since 1970 that every model claims to be made at. */
const modelCreated = 1_790_000_000;

/**
 * Answer of an endpoint that is not generation, or undefined where this kind of server has none.
 * A string is plain text.
 */
export function sideAnswer(
  profile: EngineProfile,
  models: readonly EngineModel[],
  request: SideRequest,
): object | string | undefined {
  const { path } = request;
  if (path.endsWith("/models") && request.method === "GET") return modelList(profile, models);
  if (profile === "deepseek" && path.endsWith("/user/balance")) return balance;
  if (profile === "vllm") return vllmAnswer(path);
  if (profile === "sglang") return sglangAnswer(path, models);
  if (profile === "llamacpp") return llamacppAnswer(path, models);
  if (profile === "ollama") return ollamaAnswer(request, models);
  return undefined;
}

const balance = {
  is_available: true,
  balance_infos: [
    {
      currency: "USD",
      total_balance: "110.00",
      granted_balance: "10.00",
      topped_up_balance: "100.00",
    },
  ],
};

function modelList(profile: EngineProfile, models: readonly EngineModel[]): object {
  return { object: "list", data: models.map((model) => modelBody(profile, model)) };
}

function modelBody(profile: EngineProfile, { id, contextTokens }: EngineModel): object {
  const base = { id, object: "model" };
  const created = modelCreated;
  switch (profile) {
    case "vllm":
      return {
        ...{ ...base, created, owned_by: "vllm", root: id, parent: null },
        max_model_len: contextTokens,
        permission: [],
      };
    case "sglang":
      return { ...base, created, owned_by: "sglang", root: id, max_model_len: contextTokens };
    case "llamacpp":
      return {
        ...{ ...base, created, owned_by: "llamacpp" },
        meta: { n_ctx: contextTokens, n_ctx_train: contextTokens, n_vocab: 49_152 },
      };
    case "ollama":
      return { ...base, created, owned_by: "library" };
    case "deepseek":
      return {
        ...{ ...base, owned_by: "deepseek" },
        ...{ context_window: contextTokens, max_output_tokens: Math.floor(contextTokens / 2) },
      };
    case "openai":
      return { ...base, created, owned_by: "system" };
    case "modelstudio":
      return { ...base, created, owned_by: "system" };
    case "anthropic":
      return { type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" };
  }
}

function vllmAnswer(path: string): object | string | undefined {
  if (path === "/health") return "";
  if (path === "/version") return { version: "0.11.0" };
  return undefined;
}

function sglangAnswer(path: string, models: readonly EngineModel[]): object | string | undefined {
  const [model] = models;
  if (path === "/health") return "";
  if (path === "/get_model_info") return { model_path: model?.id, is_generation: true };
  if (path === "/get_server_info") {
    return { model_path: model?.id, context_length: model?.contextTokens };
  }
  return undefined;
}

function llamacppAnswer(path: string, models: readonly EngineModel[]): object | undefined {
  const [model] = models;
  if (path === "/health") return { status: "ok" };
  if (path === "/props") {
    return {
      default_generation_settings: { n_ctx: model?.contextTokens },
      total_slots: 1,
      model_path: model?.id,
    };
  }
  return undefined;
}

function ollamaAnswer(
  { path, body }: SideRequest,
  models: readonly EngineModel[],
): object | string | undefined {
  if (path === "/") return "Ollama is running";
  if (path === "/api/version") return { version: "0.13.0" };
  if (path === "/api/tags") {
    return { models: models.map(({ id }) => ({ name: id, model: id, size: 1 })) };
  }
  if (path === "/api/ps") return { models: [] };
  if (path !== "/api/show") return undefined;
  const asked = body as { readonly model?: string; readonly name?: string } | null;
  const model = models.find(({ id }) => id === (asked?.model ?? asked?.name));
  if (!model) return undefined;
  return {
    details: { family: "llama", format: "gguf" },
    model_info: {
      "general.architecture": "llama",
      "llama.context_length": model.contextTokens,
    },
    capabilities: ["completion"],
  };
}
