import { z } from "zod";

/**
 * What a process and its supervisor say to each other over Node's IPC channel. A process loads its
 * code, says `loaded`, is told to `open`, says `started`, then beats until it is told to `stop`.
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
});

const processMessageSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("loaded") }),
  /** All replicas are open; their checks may still fail. */
  z.object({ kind: z.literal("started") }),
  /** No check fails any more, for the first time: said at once, not with the next beat. */
  z.object({ kind: z.literal("ready") }),
  heartbeatSchema,
  /** It cannot start and says why, before it exits. */
  z.object({
    kind: z.literal("refused"),
    reason: z.string(),
    message: z.string(),
    /** Nothing but another configuration will help: do not try again. */
    isFinal: z.boolean(),
  }),
]);

const orderSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("open") }),
  /** Say unready, keep serving for `noticeMs`, then close within `deadlineMs`. */
  z.object({ kind: z.literal("stop"), noticeMs: z.number(), deadlineMs: z.number() }),
]);

export type Heartbeat = z.infer<typeof heartbeatSchema>;
export type ProcessMessage = z.infer<typeof processMessageSchema>;
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
