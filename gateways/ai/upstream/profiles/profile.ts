import type { BodyPatch } from "../../core/body-patch.ts";
import type { GenerationRequest } from "../../core/request/generation-request.ts";

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
  /** Under which key it sends reasoning, where that is not `reasoning_content`. */
  readonly reasoningKey: string | undefined;
  /** Runs on the operator's own hardware: a model without a price costs nobody anything there. */
  readonly isOwnHardware: boolean;
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
  adapt: () => undefined,
};
