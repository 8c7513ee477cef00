const colours = ["36", "32", "35", "34", "96", "92", "95", "94"];
const levelColours: Readonly<Record<string, string>> = { warn: "33", error: "31", debug: "90" };
const wellKnown = new Set([
  "level",
  "time",
  "event",
  "msg",
  "process",
  "pid",
  "service",
  "replica",
]);

/** Colours text for a terminal; `--color` conventions are the caller's affair. */
export function paint(text: string, code: string | undefined, isColoured: boolean): string {
  return isColoured && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
}

function hash(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return sum;
}

function shown(value: unknown): string {
  if (typeof value === "string") return /\s/.test(value) ? JSON.stringify(value) : value;
  return JSON.stringify(value);
}

/**
 * A process's JSON line as people read it: prefix, time, level, event, then what else it says.
 * Anything that is no such line (a crash of the runtime, a stack) comes out as it is.
 */
export function formatTerminalLine(
  line: string,
  options: { readonly process: string; readonly isColoured: boolean },
): string {
  const { process, isColoured } = options;
  const prefix = paint(process.padEnd(17), colours[hash(process) % colours.length], isColoured);
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return `${prefix} ${line}`;
  }
  const { level = "", time = "", event = "", replica } = fields;
  const clock = String(time).slice(11, 19);
  const rest = Object.entries(fields)
    .filter(([name]) => !wellKnown.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  const painted = paint(String(level).padEnd(5), levelColours[String(level)], isColoured);
  const who = typeof replica === "string" && replica !== process ? [replica] : [];
  return [prefix, clock, painted, ...who, String(event), ...rest].join(" ");
}

/** True for lines worth interrupting somebody at a terminal: warnings, errors, and no JSON. */
export function isUrgent(line: string): boolean {
  if (!line.startsWith("{")) return line.trim() !== "";
  return line.startsWith('{"level":"warn"') || line.startsWith('{"level":"error"');
}
