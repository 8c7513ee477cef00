/** What the engine says of a model on its way; other lines have no `kind` that is known here. */
interface ModelLine {
  readonly event?: string;
  readonly model?: string;
  readonly kind?: string;
  readonly source?: string;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  readonly reason?: string;
}

/** A line for people about a model; one that is not final is to be overwritten by the next. */
export interface ModelProgress {
  readonly text: string;
  readonly isFinal: boolean;
}

const barWidth = 24;
const mebibyte = 1024 * 1024;

/** The engine's line as a progress bar, or undefined for any other line. */
export function modelProgress(line: string): ModelProgress | undefined {
  if (!line.includes('"event":"engine_model_state"')) return undefined;
  let said: ModelLine;
  try {
    said = JSON.parse(line) as ModelLine;
  } catch {
    return undefined;
  }
  const { model = "?", kind } = said;
  if (kind === "obtaining") return { text: obtaining(model, said), isFinal: false };
  if (kind === "verifying" || kind === "loading") {
    return { text: `  … model               ${model}: ${kind}`, isFinal: false };
  }
  if (kind === "ready") return { text: `  ✓ model               ${model}`, isFinal: true };
  if (kind === "failed") {
    const why = said.reason === undefined ? "" : `: ${said.reason}`;
    return { text: `  ! model       ${model} is not there yet${why}`, isFinal: true };
  }
  return undefined;
}

function obtaining(model: string, { source, doneBytes = 0, totalBytes = 0 }: ModelLine): string {
  const share = totalBytes > 0 ? Math.min(doneBytes / totalBytes, 1) : 0;
  const filled = Math.round(share * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const total = `${Math.round(totalBytes / mebibyte)} MiB`;
  const from = source === undefined ? "" : ` from ${source}`;
  return `  ↓ model               ${model} ${bar} ${Math.floor(share * 100)} % of ${total}${from}`;
}
