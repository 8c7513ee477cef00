import type { DevEnv } from "./dev-env.ts";
import { paint } from "./output/terminal-line.ts";

/** What there is to tell once everything is ready. */
export interface ReadyNews {
  /** `http://127.0.0.1:4600`. */
  readonly url: string;
  /** `127.0.0.1:4601`; undefined where gRPC has no port of its own. */
  readonly grpcAddress: string | undefined;
  readonly env: DevEnv;
  /** As people type it: relative where that is shorter. */
  readonly devEnvFile: string;
  readonly isFirst: boolean;
  readonly durationMs: number;
}

export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

/** The lines for a terminal; the key is shown whole, and only when it has just been made. */
export function readyBanner(news: ReadyNews, { isColoured }: { isColoured: boolean }): string {
  const { url, grpcAddress, env, devEnvFile } = news;
  const ready = `  ${paint(`Ready in ${seconds(news.durationMs)}`, "1", isColoured)}`;
  if (!news.isFirst) {
    const grpc = grpcAddress === undefined ? "" : `   gRPC ${grpcAddress}`;
    const doors = `API ${url}/v1   Management ${url}/api/v1${grpc}`;
    return `${ready}\n  ${doors}   keys in ${devEnvFile}\n\n`;
  }
  const question = JSON.stringify({
    model: env.TANDEM_MODEL,
    stream: true,
    messages: [{ role: "user", content: "Bonjour" }],
  });
  return [
    ready,
    "",
    `  API         ${url}/v1        OpenAI and DeepSeek clients`,
    `  Management  ${url}/api/v1`,
    ...(grpcAddress === undefined ? [] : [`  gRPC        ${grpcAddress}`]),
    "",
    `  API key     ${env.OPENAI_API_KEY}`,
    `              also in ${devEnvFile}, with the admin key: source it for your scripts`,
    "",
    "  Try it:",
    "",
    `    curl -N ${url}/v1/chat/completions \\`,
    `      -H 'authorization: Bearer ${env.OPENAI_API_KEY}' \\`,
    `      -H 'content-type: application/json' -d '${question}'`,
    "",
    "  Local use only: no TLS, one machine. Ctrl-C stops everything.",
    "",
    "",
  ].join("\n");
}
