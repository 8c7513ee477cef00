import { readFileSync } from "node:fs";
import { defineFaults } from "../kernel/index.ts";

const faults = defineFaults("config", {
  unresolved: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The configuration file names something that is not there.",
  },
});

const reference = /\$\{(file:[^}]+|[A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in every text of a parsed
 * configuration file. An unset name without a default is a fault: an empty secret that nobody
 * meant is worse than no start.
 */
export function interpolate(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): unknown {
  if (typeof value === "string") {
    return value.replace(reference, (_, name: string, fallback: string | undefined) =>
      resolve(name, { fallback, environment }),
    );
  }
  if (Array.isArray(value)) return value.map((item) => interpolate(item, environment));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, interpolate(item, environment)]),
    );
  }
  return value;
}

function resolve(
  name: string,
  from: {
    readonly fallback: string | undefined;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
): string {
  if (name.startsWith("file:")) {
    try {
      return readFileSync(name.slice("file:".length), "utf8").trimEnd();
    } catch (error) {
      if (from.fallback !== undefined) return from.fallback;
      throw faults.unresolved({
        publicMessage: `The configuration file names \${${name}}, which cannot be read.`,
        cause: error,
      });
    }
  }
  const found = from.environment[name];
  if (found !== undefined && found !== "") return found;
  if (from.fallback !== undefined) return from.fallback;
  throw faults.unresolved({
    publicMessage:
      `The configuration file uses \${${name}}, which is not set. ` +
      `Set it, or write a default: \${${name}:-value}.`,
  });
}
