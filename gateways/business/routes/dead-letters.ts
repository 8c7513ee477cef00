/** Events that could not be delivered: seen and delivered anew, when the cause is gone. */
import type { ParkedEvent } from "@tandem/contracts/rpc/outbox/v1/outbox_pb";
import { type Route, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, type BusinessServices, route } from "./services.ts";

const event = z
  .object({
    id: z.string(),
    topic: z.string(),
    attempts: z.int(),
    created_at: timeField.nullable(),
    parked_at: timeField.nullable(),
    last_error: z.string(),
  })
  .meta({ id: "DeadLetter" });

const access = { permission: "events:replay" } as const;
const headings = { orders: "Payments", articles: "Articles" } as const;

function routesOf(owner: keyof typeof headings): readonly Route<BusinessServices>[] {
  const tag = headings[owner];
  const name = `DeadLettersOf${owner === "orders" ? "Orders" : "Articles"}`;
  return [
    route({
      method: "GET",
      path: `/api/v1/dead-letters/${owner}`,
      operationId: `list${name}`,
      summary: `List events of ${owner} that were given up after ten tries, oldest first.`,
      tag,
      access,
      reply: z.object({
        pending: z.int().meta({ description: "Events that still wait for their delivery." }),
        parked: z.int(),
        oldest_pending_ms: z.number(),
        data: z.array(event),
      }),
      async handle(call, { outboxes }) {
        const found = await outboxes[owner].listParked({ limit: 100 }, asCaller(call));
        return {
          body: {
            pending: found.pending,
            parked: found.parked,
            oldest_pending_ms: Number(found.oldestPendingMs),
            data: found.events.map(eventBody),
          },
        };
      },
    }),
    route({
      method: "POST",
      path: `/api/v1/dead-letters/${owner}/replay`,
      operationId: `replay${name}`,
      summary: `Deliver parked events of ${owner} anew: those that are named, or all.`,
      tag,
      access,
      body: z.strictObject({
        event_ids: z.array(z.string().max(128)).max(1_000).default([]).meta({
          description: "Empty: all. One that is not parked is passed over.",
        }),
      }),
      reply: z.object({ replayed: z.int() }),
      async handle(call, { outboxes }) {
        const request = { eventIds: call.body.event_ids };
        const { replayed } = await outboxes[owner].replayParked(request, asCaller(call));
        return { body: { replayed } };
      },
    }),
  ];
}

export const deadLetterRoutes = [...routesOf("orders"), ...routesOf("articles")];

function eventBody(message: ParkedEvent): z.input<typeof event> {
  return {
    id: message.id,
    topic: message.topic,
    attempts: message.attempts,
    created_at: timeOf(message.createdAtMs),
    parked_at: timeOf(message.parkedAtMs),
    last_error: message.lastError,
  };
}
