/** Which side requests go to, group by group, as each gateway replica decided; and an operator's word. */
import { lineField, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { route } from "./services.ts";

const replicaView = z
  .strictObject({
    replica: z.string(),
    state: z.string().meta({ description: "primary, standby, returning or pinned." }),
    standby_share: z.number().meta({ description: "Of the requests that may go there: 0 to 1." }),
    reasons: z.array(z.string()),
    alarm: z.boolean().meta({ description: "Somebody should look." }),
  })
  .meta({ id: "FailoverReplica" });

const group = z
  .strictObject({
    name: z.string().meta({ description: "The primaries' names, joined with a plus sign." }),
    pinned: z.enum(["primary", "standby"]).nullable(),
    replicas: z.array(replicaView),
  })
  .meta({ id: "FailoverGroup" });

const incident = z
  .strictObject({
    at: timeField,
    replica: z.string(),
    group: z.string(),
    state: z.string(),
    standby_share: z.number(),
    reasons: z.array(z.string()),
    alarm: z.boolean(),
  })
  .meta({ id: "FailoverIncident" });

const pinInput = z.strictObject({
  side: z.enum(["primary", "standby"]).nullable().meta({ description: "Null ends the pin." }),
  seconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(3_600)
    .meta({ description: "How long it holds; nobody stays pinned by being forgotten." }),
});

const params = z.strictObject({ name: lineField({ max: 512 }) });
const tag = "Failover";

export const failoverRoutes = [
  route({
    method: "GET",
    path: "/api/v1/failover",
    operationId: "getFailover",
    summary: "Which side each group of upstreams answers from, why, and what changed lately.",
    tag,
    access: { permission: "upstreams:read" },
    reply: z.strictObject({ groups: z.array(group), incidents: z.array(incident) }),
    handle: async (_call, { failover }) => {
      const boards = await failover.boards();
      const names = new Set(boards.flatMap(({ board }) => board.groups.map((one) => one.group)));
      const groups = [...names].sort().map(async (name) => ({
        name,
        pinned: (await failover.pinOf(name)) ?? null,
        replicas: boards.flatMap(({ replica, board }) =>
          board.groups
            .filter((one) => one.group === name)
            .map(({ state, share, reasons, alarm }) => ({
              ...{ replica, state, standby_share: share, reasons, alarm },
            })),
        ),
      }));
      const incidents = boards
        .flatMap(({ replica, board }) => board.incidents.map((one) => ({ ...one, replica })))
        .sort((left, right) => right.atMs - left.atMs)
        .map(({ atMs, share, ...rest }) => ({
          ...rest,
          at: timeOf(BigInt(atMs)) ?? "",
          standby_share: share,
        }));
      return { body: { groups: await Promise.all(groups), incidents } };
    },
  }),
  route({
    method: "PUT",
    path: "/api/v1/failover/:name",
    operationId: "pinFailover",
    summary: "Send a group's requests to one side, whatever the gateways see; or leave it to them.",
    tag,
    access: { permission: "upstreams:write", visibleWith: "upstreams:read" },
    params,
    body: pinInput,
    reply: z.strictObject({ name: z.string(), pinned: z.enum(["primary", "standby"]).nullable() }),
    handle: async (call, { failover }) => {
      const { side, seconds } = call.body;
      await failover.pin(call.params.name, side ?? undefined, { forMs: seconds * 1_000 });
      return { body: { name: call.params.name, pinned: side } };
    },
  }),
];
