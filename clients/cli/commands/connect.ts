import type { Command } from "../command.ts";
import type { Settings } from "../connection/settings.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";

interface Place {
  readonly baseUrl: string;
  readonly origin: string;
  readonly model: string;
}

/** The key stands as a variable's name: what is printed ends up in files and screenshots. */
const clients: Readonly<Record<string, (place: Place) => string>> = {
  openai: ({ baseUrl }) => `export OPENAI_BASE_URL=${baseUrl}\nexport OPENAI_API_KEY=$YOUR_KEY`,
  anthropic: ({ origin }) =>
    `export ANTHROPIC_BASE_URL=${origin}\nexport ANTHROPIC_AUTH_TOKEN=$YOUR_KEY\n` +
    "unset ANTHROPIC_API_KEY",
  "claude-code": ({ origin, model }) =>
    `export ANTHROPIC_BASE_URL=${origin}\nexport ANTHROPIC_AUTH_TOKEN=$YOUR_KEY\n` +
    `unset ANTHROPIC_API_KEY\n` +
    ["OPUS", "SONNET", "HAIKU"]
      .map((size) => `export ANTHROPIC_DEFAULT_${size}_MODEL=${model}`)
      .join("\n"),
  codex: ({ baseUrl, model }) =>
    `# ~/.codex/config.toml\nmodel = "${model}"\nmodel_provider = "tandem"\n\n` +
    `[model_providers.tandem]\nname = "Tandem"\nbase_url = "${baseUrl}"\n` +
    `env_key = "TANDEM_API_KEY"\nwire_api = "responses"`,
  cline: ({ baseUrl, model }) =>
    `API provider: OpenAI compatible\nBase URL: ${baseUrl}\nAPI key: your key\nModel: ${model}`,
  continue: ({ baseUrl, model }) =>
    `# ~/.continue/config.yaml\nmodels:\n  - name: Tandem\n    provider: openai\n` +
    `    model: ${model}\n    apiBase: ${baseUrl}\n    apiKey: YOUR_KEY`,
  "open-webui": ({ baseUrl }) =>
    `export OPENAI_API_BASE_URLS=${baseUrl}\nexport OPENAI_API_KEYS=$YOUR_KEY`,
  langchain: ({ baseUrl, model }) =>
    `ChatOpenAI(base_url="${baseUrl}", api_key=YOUR_KEY, model="${model}")`,
  "ai-sdk": ({ baseUrl, model }) =>
    `createOpenAICompatible({ name: "tandem", baseURL: "${baseUrl}", apiKey: YOUR_KEY,\n` +
    `  includeUsage: true })("${model}")`,
  curl: ({ baseUrl, model }) =>
    `curl -N ${baseUrl}/chat/completions -H "authorization: Bearer $YOUR_KEY" \\\n` +
    `  -H 'content-type: application/json' \\\n` +
    `  -d '{"model":"${model}","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
};

/** Prints what a client has to be told; changes no file. */
export const connect: Command = {
  name: "connect",
  usage: "[CLIENT]",
  summary: `Prints the settings of a client: ${Object.keys(clients).slice(0, 4).join(", ")} …`,
  words: [0, 1],
  run: async ({ words, settings }) => {
    const names = Object.keys(clients);
    const [name] = words;
    if (name === undefined) return { data: names, text: names.join("\n") };
    const make = Object.hasOwn(clients, name) ? clients[name] : undefined;
    if (make === undefined) {
      throw new CommandError(exitCodes.notFound, `No settings are known for ${name}.`, {
        remedy: `There are: ${names.join(", ")}; others speak OpenAI's API: tandem connect openai`,
      });
    }
    const text = make(placeOf(settings));
    return { data: { client: name, text }, text };
  },
};

function placeOf({ baseUrl, model = "auto" }: Settings): Place {
  if (baseUrl === undefined) {
    throw new CommandError(exitCodes.invalidConfiguration, "The address is not known.", {
      remedy: "Set OPENAI_BASE_URL, or name a data directory: --data DIR",
    });
  }
  return { baseUrl, origin: new URL(baseUrl).origin, model };
}
