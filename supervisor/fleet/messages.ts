import { topologySchema } from "@tandem/libs/service";
import { z } from "zod";
import { talliesSchema } from "./tally-figures.ts";

/**
 * What a process and its supervisor say to each other: over Node's IPC channel with the supervisor
 * that started it, as lines over the process's own socket with one that took it over. A process
 * loads its code, says `loaded`, is told to `open`, says `started`, then beats until it is told to
 * `stop`. Words may be added; both sides pass over what they do not know, since the other one may
 * be of the next version.
 */
const heartbeatSchema = z.object({
  kind: z.literal("beat"),
  /** Failing checks, as `auth-1 database`; empty when every replica is ready. */
  unready: z.array(z.string()),
  residentBytes: z.number(),
  /** CPU time since the process started. */
  cpuMs: z.number(),
  /** How late the beat's own timer rang: how long the event loop was busy. */
  loopLagMs: z.number(),
  /** Of the heap, or of the container, whichever is fuller; absent from an older release. */
  memoryShare: z.number().optional(),
  /** What those whom it calls have done; only while one is on trial, never by an older release. */
  calls: talliesSchema.optional(),
});

const greetingSchema = z.object({
  kind: z.literal("greeting"),
  pid: z.int().positive(),
  /** All replicas are open. */
  isStarted: z.boolean(),
  /** It has been told to end already: nothing to take over. */
  isStopping: z.boolean(),
  unready: z.array(z.string()),
});

const processMessageSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("loaded") }),
  /** All replicas are open; their checks may still fail. */
  z.object({ kind: z.literal("started") }),
  /** No check fails any more, for the first time: said at once, not with the next beat. */
  z.object({ kind: z.literal("ready") }),
  heartbeatSchema,
  /** It holds these signing keys, and none besides: `nameOfSigningKeys`. */
  z.object({ kind: z.literal("keys"), name: z.string() }),
  /** The first word to a supervisor that takes over. */
  greetingSchema,
  /** It cannot start and says why, before it exits. */
  z.object({
    kind: z.literal("refused"),
    reason: z.string(),
    message: z.string(),
    /** Nothing but another configuration will help: do not try again. */
    isFinal: z.boolean(),
  }),
]);

/** What one replica signs its passports with, and whose it accepts. */
export const passportKeysSchema = z.object({
  /** PKCS #8 PEM of this deployable's Ed25519 key. */
  passportPrivateKey: z.string(),
  /** SPKI PEM by issuer: those whom the topology lets call here, nobody else. */
  passportPublicKeys: z.record(z.string(), z.string()),
  /** The same of the keys that are accepted besides, while they are rotated. */
  otherPublicKeys: z.record(z.string(), z.string()).default({}),
});

const orderSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("open") }),
  /** Say unready, keep serving for `noticeMs`, then close within `deadlineMs`. */
  z.object({ kind: z.literal("stop"), noticeMs: z.number(), deadlineMs: z.number() }),
  /** Who is there to be called, from now on. */
  z.object({
    kind: z.literal("members"),
    topology: topologySchema,
    weights: z.record(z.string(), z.number()),
  }),
  /** Sign with these and accept these, from now on; answered with `keys`. */
  z.object({
    kind: z.literal("keys"),
    name: z.string(),
    byDeployable: z.record(z.string(), passportKeysSchema),
  }),
  /** How the last upgrade ended, for monitoring to judge; empty for well, or none yet. */
  z.object({ kind: z.literal("rollout"), rolledBack: z.string() }),
  /** How many processes of a kind were replaced for their memory, for monitoring to tell. */
  z.object({ kind: z.literal("relieved"), counts: z.record(z.string(), z.number()) }),
]);

export type Heartbeat = z.infer<typeof heartbeatSchema>;
export type Greeting = z.infer<typeof greetingSchema>;
export type ProcessMessage = z.infer<typeof processMessageSchema>;
export type PassportKeys = z.infer<typeof passportKeysSchema>;
export type Order = z.infer<typeof orderSchema>;

/** The message, or undefined for what is none (Node's own traffic, another version's words). */
export function readProcessMessage(value: unknown): ProcessMessage | undefined {
  const parsed = processMessageSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

export function readOrder(value: unknown): Order | undefined {
  const parsed = orderSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** Calls back with every line's JSON value; a line that is none is passed over. */
export function lineReader(onValue: (value: unknown) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      try {
        onValue(JSON.parse(line));
      } catch {
        // Another version's words, or none at all.
      }
    }
  };
}
