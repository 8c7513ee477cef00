import { z } from "zod";

const name = z.string().min(1).max(128);
const event = z.int().min(0).max(1_000_000_000);

/** What a client may say on `/v1/chat/ws`. */
export const clientMessageSchema = z.discriminatedUnion("type", [
  /** First, where the handshake held no key. */
  z.strictObject({ type: z.literal("auth"), key: z.string().max(512) }),
  /** A turn: `id` names it in all messages about it; `request` is a body of the JSON API. */
  z.strictObject({
    type: z.literal("chat.create"),
    id: name,
    request: z.record(z.string(), z.unknown()),
    /** False: it ends with the connection, and is kept nowhere. */
    resumable: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal("chat.cancel"), id: name }),
  /** Once, on a new connection: goes on with what the old one had; `after` by turn. */
  z.strictObject({
    type: z.literal("session.resume"),
    token: z.string().max(128),
    after: z.record(name, event),
  }),
  z.strictObject({ type: z.literal("ping") }),
]);

export type ClientMessage = z.infer<typeof clientMessageSchema>;
