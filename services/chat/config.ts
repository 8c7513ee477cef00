import { count } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  messagesPerConversationMax: count({
    doc: "Messages a conversation may hold; a further one is refused.",
    default: 10_000,
    min: 2,
    max: 1_000_000,
  }),
  historyMessagesMax: count({
    doc: "Newest messages that are looked at when a context is prepared.",
    default: 500,
    min: 2,
    max: 10_000,
  }),
});

export type Config = z.output<typeof configSchema>;
