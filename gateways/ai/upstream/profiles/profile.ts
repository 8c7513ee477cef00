import type { BodyPatch } from "../../core/body-patch.ts";
import type { GenerationRequest } from "../../core/request/generation-request.ts";
import { type ContinuationForm, noContinuation } from "../../core/splice/continuation-form.ts";

/** How a server is spoken to that does not speak the canonical form. */
export interface ForeignSpeech {
  /** What of a request cannot be said there, in words; undefined when all of it can. */
  readonly unsayable: (request: GenerationRequest) => string | undefined;
  /** Members of a request that are left out there, by their names. */
  readonly unheard: (request: GenerationRequest) => readonly string[];
  /** A canonical body, adapted to the profile, in the server's words. */
  readonly writeBody: (canonical: Buffer) => Buffer;
  /** A new reader of one stream, which makes it a canonical one. `nowMs` of the wall clock. */
  readonly openStream: (nowMs: number) => ForeignStream;
  /** A whole answer in canonical form; what is none, as it came. */
  readonly readWhole: (body: Buffer, nowMs: number) => Buffer;
}

export interface ForeignStream {
  /** Whole canonical events for the server's bytes; undefined while there are none. */
  push(chunk: Buffer): Buffer | undefined;
  /** Bytes of an event that has begun and not ended. */
  readonly pendingBytes: number;
}

/**
 * How one kind of model server wants to be asked. Data where data will do; a function for what has
 * to be decided by the request. What all servers need alike is in `adapt-body.ts`.
 */
export interface UpstreamProfile {
  /** Appended to the base URL's path, which may be empty or end in `/v1`. */
  readonly pathOf: (basePath: string, request: GenerationRequest) => string;
  /** Under which name the limit of the answer is sent. */
  readonly maxTokensKey: "max_tokens" | "max_completion_tokens";
  /** Understands `stream_options.include_usage`. */
  readonly countsStreams: boolean;
  /** Takes the role `developer`. */
  readonly knowsDeveloper: boolean;
  /** Understands `x_tandem`, what other dialects say beyond the canonical form. */
  readonly takesExtension: boolean;
  /** Under which key it sends reasoning, where that is not `reasoning_content`. */
  readonly reasoningKey: string | undefined;
  /** Runs on the operator's own hardware: a model without a price costs nobody anything there. */
  readonly isOwnHardware: boolean;
  /** Serves what matters more first, as `x-tandem-priority` says. */
  readonly knowsPriority: boolean;
  /** How the key is shown; a key is never empty here. */
  readonly credentialFields: (key: string) => readonly (readonly [name: string, value: string])[];
  /** Where it speaks something else than OpenAI's dialect. */
  readonly speech: ForeignSpeech | undefined;
  /** How it goes on with an answer that broke elsewhere. */
  readonly continuation: ContinuationForm;
  /** Changes to the body that only this server needs. */
  readonly adapt: (patch: BodyPatch, request: GenerationRequest) => void;
}

const pathByEndpoint = {
  chat: "/chat/completions",
  completions: "/completions",
  embeddings: "/embeddings",
} as const;

export function openaiPath(basePath: string, { endpoint }: GenerationRequest): string {
  return basePath + pathByEndpoint[endpoint];
}

/** An OpenAI-compatible server about which nothing else is known. */
export const genericProfile: UpstreamProfile = {
  pathOf: openaiPath,
  maxTokensKey: "max_tokens",
  countsStreams: true,
  knowsDeveloper: false,
  reasoningKey: undefined,
  isOwnHardware: false,
  takesExtension: false,
  knowsPriority: false,
  credentialFields: (key) => [["authorization", `Bearer ${key}`]],
  speech: undefined,
  continuation: noContinuation,
  adapt: () => undefined,
};
