import type { World } from "@tandem/libs/world";

/** What every way of getting a model file is given. */
export interface SourceTools {
  readonly world: World;
  /** An own directory for what is under way; on the same file system as the models. */
  readonly workDirectory: string;
  readonly signal: AbortSignal;
  /** Bytes so far of bytes in all. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}
