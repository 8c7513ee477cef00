/**
 * What is known of each kind of upstream before it is asked: where it tells its models and its
 * health, how long it may take, how a broken stream goes on there, and whether a call costs money.
 * Source: each server's own API reference.
 */
export type Continuation = "none" | "prefix" | "continue_final_message" | "last_message";

export interface Profile {
  /** Appended to the base URL. */
  readonly modelsPath: string;
  /** Appended to the origin of the base URL; undefined: the models page has to do. */
  readonly healthPath: string | undefined;
  readonly firstTokenTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly continuation: Continuation;
  /** Asked for its health without being used. Never where a look costs money or a rate limit. */
  readonly isProbed: boolean;
  /** Runs on hardware of the operator: its models are priced at zero unless told otherwise. */
  readonly isLocal: boolean;
}

const local = {
  modelsPath: "/models",
  healthPath: "/health",
  firstTokenTimeoutMs: 60_000,
  idleTimeoutMs: 30_000,
  totalTimeoutMs: 600_000,
  isProbed: true,
  isLocal: true,
} as const;

const hosted = {
  modelsPath: "/models",
  healthPath: undefined,
  firstTokenTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  totalTimeoutMs: 600_000,
  isProbed: false,
  isLocal: false,
} as const;

export const profiles = {
  engine: { ...local, healthPath: "/readyz", firstTokenTimeoutMs: 300_000, continuation: "prefix" },
  vllm: { ...local, continuation: "continue_final_message" },
  sglang: { ...local, continuation: "continue_final_message" },
  llamacpp: { ...local, continuation: "last_message" },
  // A cold model looks like a hang, so its first token may take longer.
  ollama: {
    ...local,
    healthPath: "/api/version",
    firstTokenTimeoutMs: 180_000,
    continuation: "none",
  },
  lmstudio: { ...local, healthPath: undefined, continuation: "none" },
  deepseek: { ...hosted, continuation: "prefix" },
  openai: { ...hosted, continuation: "none" },
  modelstudio: { ...hosted, continuation: "none" },
  anthropic: { ...hosted, continuation: "none" },
  generic: { ...hosted, continuation: "none" },
} as const satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof profiles;

export const profileNames = Object.keys(profiles) as readonly ProfileName[];

export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(profiles, text);
}

export function profileOf(name: string): Profile {
  return isProfileName(name) ? profiles[name] : profiles.generic;
}
