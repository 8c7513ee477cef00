/** A provider whose key stands in the environment. */
export interface ProviderKey {
  readonly variable: string;
  /** How to reach it; undefined for those without an OpenAI-compatible API that we know. */
  readonly upstream:
    | { readonly name: string; readonly profile: string; readonly baseUrl: string }
    | undefined;
  readonly apiKey: string;
}

const providers = [
  {
    variable: "OPENAI_API_KEY",
    upstream: { name: "openai", profile: "openai", baseUrl: "https://api.openai.com/v1" },
  },
  {
    variable: "DEEPSEEK_API_KEY",
    upstream: { name: "deepseek", profile: "deepseek", baseUrl: "https://api.deepseek.com" },
  },
  {
    variable: "DASHSCOPE_API_KEY",
    upstream: {
      name: "modelstudio",
      profile: "modelstudio",
      baseUrl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    },
  },
  {
    variable: "MISTRAL_API_KEY",
    upstream: { name: "mistral", profile: "generic", baseUrl: "https://api.mistral.ai/v1" },
  },
  {
    variable: "OPENROUTER_API_KEY",
    upstream: { name: "openrouter", profile: "generic", baseUrl: "https://openrouter.ai/api/v1" },
  },
  { variable: "ANTHROPIC_API_KEY", upstream: undefined },
] as const;

/** Keys of our own making: somebody has sourced dev.env in this shell. */
const ownKey = /^sk-tdm-/;

/**
 * Provider keys in the environment. They are listed, and used only when asked for: spending
 * somebody's money on a first try is no way to introduce oneself.
 */
export function findProviderKeys(
  environment: Readonly<Record<string, string | undefined>>,
): readonly ProviderKey[] {
  return providers.flatMap(({ variable, upstream }) => {
    const apiKey = environment[variable]?.trim();
    if (apiKey === undefined || apiKey === "" || ownKey.test(apiKey)) return [];
    return [{ variable, upstream, apiKey }];
  });
}
