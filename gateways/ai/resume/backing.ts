import type { AnswerListener } from "./answer-listener.ts";

/** Why an answer cannot be had, as its dialect says it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What is otherwise where an answer is made for nobody in particular. */
export interface Backing {
  /** How long it waits for a store that is away. */
  readonly patienceMs: number;
  /** How often somebody else may go on with it. */
  readonly takeOversMax: number;
  /** Whether nothing follows on this: it counts once its end is fenced. */
  isLast(text: string): boolean;
  /** Its last events where it fails behind those that there are. */
  failed(events: readonly string[], why: Failure): readonly string[];
  /** What was refused to one who goes on with it. */
  failureOf(body: string): Failure;
  /** Of one that is longer than what is kept. */
  readonly tooLong: Failure;
  /** A listener that is to be told by the store from now on. */
  onLetGo(listener: AnswerListener): void;
}
