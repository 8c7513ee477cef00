import { nodeHttp } from "@tandem/libs/http";

/** A model server found on this machine, as the inference service wants to be told. */
export interface DetectedUpstream {
  readonly name: string;
  readonly profile: string;
  readonly baseUrl: string;
  readonly models: number;
}

/** Where the well-known servers listen unless told otherwise. */
const usualPlaces = [
  { name: "ollama", profile: "ollama", port: 11_434 },
  { name: "vllm", profile: "vllm", port: 8000 },
  { name: "sglang", profile: "sglang", port: 30_000 },
  { name: "llamacpp", profile: "llamacpp", port: 8080 },
  { name: "lmstudio", profile: "lmstudio", port: 1234 },
] as const;

const lookTimeoutMs = 400;
const answerMaxBytes = 1024 * 1024;

/**
 * Looks for model servers on this machine's loopback, nowhere else. A server counts only when it
 * lists models the way OpenAI does: a page that happens to live on port 8080 is not one. Never
 * throws and never takes longer than half a second.
 */
export async function detectUpstreams(
  places: readonly {
    readonly name: string;
    readonly profile: string;
    readonly port: number;
  }[] = usualPlaces,
): Promise<readonly DetectedUpstream[]> {
  const found = await Promise.all(
    places.map(async ({ name, profile, port }) => {
      const baseUrl = `http://127.0.0.1:${port}/v1`;
      const models = await countModels(`${baseUrl}/models`);
      return models === undefined ? [] : [{ name, profile, baseUrl, models }];
    }),
  );
  return found.flat();
}

function countModels(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = nodeHttp.request(url, { timeout: lookTimeoutMs }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > answerMaxBytes) call.destroy();
      });
      response.on("end", () => resolve(response.statusCode === 200 ? listed(body) : undefined));
    });
    const limit = setTimeout(() => call.destroy(), lookTimeoutMs);
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(undefined));
    call.on("close", () => {
      clearTimeout(limit);
      resolve(undefined);
    });
    call.end();
  });
}

function listed(body: string): number | undefined {
  try {
    const { data } = JSON.parse(body) as { readonly data?: unknown };
    return Array.isArray(data) ? data.length : undefined;
  } catch {
    return undefined;
  }
}
