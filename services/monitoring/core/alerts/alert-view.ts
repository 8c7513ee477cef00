/** A figure of a process at the moment, as it last told it. */
export interface ToldFigure {
  /** The process that told it: its replicas, joined. */
  readonly source: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReplicaFacts {
  readonly id: string;
  readonly deployable: string;
  readonly isReady: boolean;
  /** `silent`, or the checks that fail. */
  readonly note: string;
}

/** Share of bad events lately, over two windows: one that is quick, one that is sure. */
export interface BurnFacts {
  readonly subject: string;
  readonly short: { readonly total: number; readonly bad: number };
  readonly long: { readonly total: number; readonly bad: number };
}

/** All that rules judge by. Pure data, so that a rule is a function of it and of nothing else. */
export interface AlertView {
  readonly nowMs: number;
  /** Replicas that the topology expects and that were ready before, or should be by now. */
  readonly replicas: readonly ReplicaFacts[];
  /** Unplanned starts within the window, by replica. */
  readonly restarts: ReadonlyMap<string, number>;
  readonly figures: readonly ToldFigure[];
  /** Failed requests: fast (5 min and 1 h) and slow (30 min and 6 h). */
  readonly errorsFast: readonly BurnFacts[];
  readonly errorsSlow: readonly BurnFacts[];
  /** Streamed answers that began late, over 5 and 30 minutes. */
  readonly lateFast: readonly BurnFacts[];
  /** Whether the alert is open for the subject: for limits that differ on the way back. */
  isOpen(alert: string, subject: string): boolean;
}

/** Something that a rule sees. */
export interface Condition {
  /** What it is about; an alert is open at most once for each. */
  readonly subject: string;
  /** In words for people, with the figures. */
  readonly reason: string;
}
