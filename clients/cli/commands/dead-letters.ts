import { z } from "zod";
import type { Command } from "../command.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { table } from "../output/table.ts";

const owners = ["users", "quota", "orders", "articles"];

const listSchema = z.looseObject({
  pending: z.number(),
  parked: z.number(),
  data: z.array(
    z.looseObject({
      id: z.string(),
      topic: z.string(),
      attempts: z.number(),
      parked_at: z.string().nullable(),
      last_error: z.string(),
    }),
  ),
});

const list: Command = {
  name: "dead-letters list",
  usage: "[OWNER]",
  summary: "Events that were given up after ten tries, of all services or of one.",
  words: [0, 1],
  run: async ({ api, words }) => {
    const wanted = words.length === 0 ? owners : [known(words[0])];
    const data: Record<string, z.output<typeof listSchema>> = {};
    for (const owner of wanted) {
      data[owner] = listSchema.parse(await api.call("GET", `/dead-letters/${owner}`));
    }
    const rows = Object.entries(data).flatMap(([owner, { data: events }]) =>
      events.map((event) => [
        ...[owner, event.id, event.topic, event.attempts, event.parked_at ?? ""],
        event.last_error,
      ]),
    );
    const header = ["OWNER", "EVENT", "TOPIC", "TRIES", "GIVEN UP", "LAST ERROR"];
    return { data, text: rows.length === 0 ? "none" : table(header, rows) };
  },
};

const replay: Command = {
  name: "dead-letters replay",
  usage: "OWNER [EVENT …]",
  summary: "Delivers them anew, once the cause is gone: those that are named, or all.",
  words: [1, 1_000],
  run: async ({ api, words }) => {
    const [owner, ...ids] = words;
    const path = `/dead-letters/${known(owner)}/replay`;
    const answer = await api.call("POST", path, { event_ids: ids });
    const data = z.object({ replayed: z.number() }).parse(answer);
    return { data, text: `${data.replayed} delivered anew` };
  },
};

function known(owner: string | undefined): string {
  if (owner !== undefined && owners.includes(owner)) return owner;
  throw new CommandError(exitCodes.notFound, `${owner ?? ""} owns no events.`, {
    remedy: `One of: ${owners.join(", ")}`,
  });
}

export const deadLetterCommands: readonly Command[] = [list, replay];
