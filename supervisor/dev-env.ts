import { readFileSync } from "node:fs";
import { writePrivateFile } from "./folder/private-file.ts";

/** What scripts and people source: `source .tandem/dev.env`. */
export interface DevEnv {
  readonly OPENAI_BASE_URL: string;
  readonly OPENAI_API_KEY: string;
  /** Id of the default model. */
  readonly TANDEM_MODEL: string;
  readonly TANDEM_ADMIN_URL: string;
  readonly TANDEM_ADMIN_KEY: string;
}

const names = [
  "OPENAI_BASE_URL",
  "OPENAI_API_KEY",
  "TANDEM_MODEL",
  "TANDEM_ADMIN_URL",
  "TANDEM_ADMIN_KEY",
] as const;

/** The addresses of a door, as the file names them. */
export function doorUrls(url: string): Pick<DevEnv, "OPENAI_BASE_URL" | "TANDEM_ADMIN_URL"> {
  return { OPENAI_BASE_URL: `${url}/v1`, TANDEM_ADMIN_URL: `${url}/api/v1` };
}

/** Undefined when the file is absent or incomplete. */
export function readDevEnv(path: string): DevEnv | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^export ([A-Z_]+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined) found.set(match[1], match[2] ?? "");
  }
  if (names.some((name) => (found.get(name) ?? "") === "")) return undefined;
  return Object.fromEntries(names.map((name) => [name, found.get(name)])) as unknown as DevEnv;
}

/** Writes it with mode 0600. Every value is of an alphabet that no shell interprets. */
export function writeDevEnv(path: string, content: DevEnv): void {
  const lines = names.map((name) => `export ${name}=${content[name]}`);
  writePrivateFile(path, `# Made by Tandem. Use it with: source ${path}\n${lines.join("\n")}\n`);
}
