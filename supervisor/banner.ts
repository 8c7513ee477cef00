import type { DevEnv } from "./dev-env.ts";
import type { Status } from "./fleet/control-door.ts";
import { paint } from "./output/terminal-line.ts";

/** What there is to tell once everything is ready. */
export interface ReadyNews {
  readonly version: string;
  readonly url: string;
  readonly status: Status;
  readonly env: DevEnv;
  /** As people type it: relative where that is shorter. */
  readonly devEnvFile: string;
  readonly isFirst: boolean;
  readonly durationMs: number;
  /** `ollama at 127.0.0.1:11434 (3 models)`. */
  readonly detected: readonly string[];
  /** Provider variables that were found and not used. */
  readonly unusedKeys: readonly string[];
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function deployablesOf({ processes }: Status): string {
  const counts = new Map<string, number>();
  for (const { hosts } of processes) {
    for (const replica of hosts) {
      const name = replica.split("/")[0] ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].map(([name, count]) => (count > 1 ? `${name} ×${count}` : name)).join("  ");
}

/** The lines for a terminal; on later starts only what one may have forgotten. */
export function readyBanner(news: ReadyNews, { isColoured }: { isColoured: boolean }): string {
  const bold = (text: string): string => paint(text, "1", isColoured);
  const tick = paint("✓", "32", isColoured);
  const { status, url, env, devEnvFile } = news;
  const head = `  ${bold(`tandem ${news.version}`)}   data in ${status.dataDirectory}`;
  const ready = `  ${bold(`Ready in ${seconds(news.durationMs)}`)}`;
  if (!news.isFirst) {
    return `\n${head}\n${ready}\n  API ${url}/v1   key in ${devEnvFile}\n\n`;
  }
  const stores = status.stores.map(({ name, kind }) => `  ${tick} ${name.padEnd(11)} ${kind}`);
  const found =
    news.detected.length === 0
      ? []
      : [`  ${tick} ${"found".padEnd(11)} ${news.detected.join(" · ")}`];
  const unused = news.unusedKeys.map(
    (name) => `    found ${name}, not used; to use it: npm start -- --use-env-keys`,
  );
  return [
    "",
    head,
    "",
    ...stores,
    `  ${tick} ${"replicas".padEnd(11)} ${deployablesOf(status)}`,
    ...found,
    ...unused,
    "",
    ready,
    "",
    `  API         ${url}/v1        OpenAI and DeepSeek clients`,
    `  Management  ${url}/api/v1`,
    "",
    `  API key     ${env.OPENAI_API_KEY}`,
    `              also in ${devEnvFile}, with the admin key`,
    "",
    "  Try it:",
    `    source ${devEnvFile}`,
    "    curl -N $OPENAI_BASE_URL/chat/completions \\",
    "      -H \"authorization: Bearer $OPENAI_API_KEY\" -H 'content-type: application/json' \\",
    `      -d '{"model":"${env.TANDEM_MODEL}","stream":true,` +
      `"messages":[{"role":"user","content":"Bonjour"}]}'`,
    "",
    "  Local use only: no TLS, one machine. Ctrl-C stops everything.",
    "",
    "",
  ].join("\n");
}
