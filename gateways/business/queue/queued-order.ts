/** An order that was taken in while its service was away, as the journal and the hot store have it. */
import type { PassportClaims } from "@tandem/libs/rpc";
import { z } from "zod";

const claims = z.object({
  organisationId: z.string(),
  projectId: z.string(),
  userId: z.string(),
  keyId: z.string(),
  sessionId: z.string(),
  scopes: z.array(z.string()),
  roles: z.array(z.string()),
}) satisfies z.ZodType<PassportClaims>;

const decimal = z.string().regex(/^[0-9]{1,19}$/);

export const queuedOrder = z.object({
  id: z.string(),
  organisationId: z.string(),
  productId: z.string(),
  productVersion: decimal,
  quantity: z.int(),
  note: z.string(),
  expectedTotalNanos: decimal,
  idempotencyKey: z.string(),
  queuedAtMs: decimal,
  requestId: z.string(),
  /** Whose order it is: it is made in their name, with the rights they had when it was taken in. */
  claims,
});

export type QueuedOrder = z.output<typeof queuedOrder>;

/** The journal's records: an order, or that one of them is done with. */
const record = z.union([z.object({ order: queuedOrder }), z.object({ done: z.string() })]);

export type QueueRecord = z.output<typeof record>;

export function encodeRecord(value: QueueRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Undefined for what no version of ours has written. */
export function decodeRecord(bytes: Uint8Array): QueueRecord | undefined {
  try {
    return record.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
