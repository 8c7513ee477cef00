import type { Timer } from "@tandem/libs/world";

/** A process, as what it uses sees it. */
export interface Living {
  readonly isAlive: boolean;
  readonly machine: { readonly name: string };
  /** Runs in this process, if it still lives then; when it is frozen, once it thaws. */
  after(delayMs: number, run: () => void): Timer;
  /** Resolves in this process after the delay; never, once it is dead. */
  pause(delayMs: number): Promise<void>;
}
