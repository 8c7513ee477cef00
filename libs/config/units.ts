const millisecondsByUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const bytesByUnit: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
};

const durationPart = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const wholeDuration = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const wholeSize = /^(\d+(?:\.\d+)?)\s?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$/;

/** "1m30s" → 90000 milliseconds. Units ms, s, m, h, d; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim();
  if (compact === "0") return 0;
  if (!wholeDuration.test(compact)) return undefined;
  let total = 0;
  for (const [, amount = "0", unit = "ms"] of compact.matchAll(durationPart)) {
    total += Number(amount) * (millisecondsByUnit[unit] ?? 1);
  }
  return Math.round(total);
}

/** "10MiB" → 10485760 bytes. Units B, KiB … TiB and kB … TB; undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const compact = text.trim();
  if (compact === "0") return 0;
  const match = wholeSize.exec(compact);
  if (match === null) return undefined;
  const [, amount = "0", unit = "B"] = match;
  return Math.round(Number(amount) * (bytesByUnit[unit] ?? 1));
}

function largestUnit(value: number, units: readonly (readonly [string, number])[]): string {
  for (const [unit, factor] of units) {
    if (value !== 0 && value % factor === 0) return `${value / factor}${unit}`;
  }
  return "0";
}

/** 90000 → "90s": whole numbers of the largest unit that fits. */
export function formatDuration(milliseconds: number): string {
  return largestUnit(milliseconds, [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
    ["ms", 1],
  ]);
}

/** 10485760 → "10MiB". */
export function formatSize(bytes: number): string {
  return largestUnit(bytes, [
    ["TiB", 1024 ** 4],
    ["GiB", 1024 ** 3],
    ["MiB", 1024 ** 2],
    ["KiB", 1024],
    ["B", 1],
  ]);
}
