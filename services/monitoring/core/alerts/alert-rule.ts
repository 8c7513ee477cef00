import type { AlertView, Condition } from "./alert-view.ts";

export type Severity = "critical" | "warning";

export interface AlertRule {
  readonly id: string;
  /** `critical`: users notice, or will soon. `warning`: something that holds them up is gone. */
  readonly severity: Severity;
  readonly summary: string;
  /** How long it must be seen before it opens. */
  readonly openAfterMs: number;
  /** How long it must not be seen before it closes; never less, so that a restart keeps it open. */
  readonly closeAfterMs: number;
  readonly find: (view: AlertView) => readonly Condition[];
}
