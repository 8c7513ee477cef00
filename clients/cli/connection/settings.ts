import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { World } from "@tandem/libs/world";

/** Where the platform is, and with which keys it is spoken to. */
export interface Settings {
  readonly dataDirectory: string;
  /** With `/api/v1`. */
  readonly adminUrl: string | undefined;
  readonly adminKey: string | undefined;
  /** With `/v1`. */
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
  readonly model: string | undefined;
}

/**
 * From the environment, else from `dev.env` of the data directory. Keys are never taken from the
 * command line, where every user of the machine could read them.
 */
export function readSettings(world: World, dataDirectory: string): Settings {
  const file = readDevEnv(join(dataDirectory, "dev.env"));
  const setting = (name: string): string | undefined => {
    const value = world.environment[name] ?? file.get(name);
    return value === "" ? undefined : value;
  };
  return {
    dataDirectory,
    adminUrl: setting("TANDEM_ADMIN_URL"),
    adminKey: setting("TANDEM_ADMIN_KEY"),
    baseUrl: setting("OPENAI_BASE_URL"),
    apiKey: setting("OPENAI_API_KEY"),
    model: setting("TANDEM_MODEL"),
  };
}

function readDevEnv(path: string): ReadonlyMap<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return new Map();
  }
  const lines = text.matchAll(/^(?:export )?([A-Z_]+)=(.*)$/gm);
  return new Map([...lines].map(([, name = "", value = ""]) => [name, value]));
}
