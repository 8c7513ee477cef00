import { z } from "zod";
import type { Command } from "../command.ts";
import { fields, table } from "../output/table.ts";

const keySchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  display: z.string(),
  scopes: z.array(z.string()),
  state: z.string(),
  last_used_at: z.string().nullable(),
});
const pageSchema = z.looseObject({ data: z.array(keySchema), has_more: z.boolean() });
const secretSchema = z.looseObject({ id: z.string(), secret: z.string().nullable() });

const list: Command = {
  name: "keys list",
  usage: "",
  summary: "The organisation's API keys, newest first.",
  words: [0, 0],
  run: async ({ api, remark }) => {
    const data = pageSchema.parse(await api.call("GET", "/keys?limit=100"));
    if (data.has_more) remark("  the newest 100; more with the management API");
    const rows = data.data.map((key) => [
      ...[key.id, key.name, key.display, key.scopes.join(","), key.state],
      key.last_used_at ?? "never",
    ]);
    return { data, text: table(["ID", "NAME", "KEY", "SCOPES", "STATE", "LAST USED"], rows) };
  },
};

const create: Command = {
  name: "keys create",
  usage: "NAME [--scopes inference,…] [--project ID] [--priority sheddable] [--expires TIME]",
  summary: "Makes a key; its secret is printed once, and nowhere else.",
  words: [1, 1],
  options: {
    scopes: { type: "string" },
    project: { type: "string" },
    priority: { type: "string" },
    expires: { type: "string" },
  },
  run: async ({ api, words, options, remark }) => {
    const { scopes, project, priority, expires } = options;
    const data = secretSchema.parse(
      await api.call("POST", "/keys", {
        name: words[0],
        ...(typeof scopes === "string" ? { scopes: scopes.split(",") } : {}),
        ...(typeof project === "string" ? { project_id: project } : {}),
        ...(typeof priority === "string" ? { priority } : {}),
        ...(typeof expires === "string" ? { expires_at: expires } : {}),
      }),
    );
    remark(`  ${data.id}; the secret is not shown again`);
    return { data, text: data.secret ?? "" };
  },
};

const rotate: Command = {
  name: "keys rotate",
  usage: "ID [--overlap-seconds N]",
  summary: "Gives a key a new secret; the old one works on for the overlap (an hour).",
  words: [1, 1],
  options: { "overlap-seconds": { type: "string" } },
  run: async ({ api, words, options, remark }) => {
    const overlap = options["overlap-seconds"];
    const body = typeof overlap === "string" ? { overlap_seconds: Number(overlap) } : {};
    const path = `/keys/${encodeURIComponent(words[0] ?? "")}/rotate`;
    const data = secretSchema.parse(await api.call("POST", path, body));
    remark("  the secret is not shown again");
    return { data, text: data.secret ?? "" };
  },
};

const revoke: Command = {
  name: "keys revoke",
  usage: "ID",
  summary: "Ends a key for good, everywhere within 100 ms.",
  words: [1, 1],
  run: async ({ api, words }) => {
    const id = words[0] ?? "";
    const data = z
      .record(z.string(), z.unknown())
      .parse(await api.call("DELETE", `/keys/${encodeURIComponent(id)}`));
    return { data, text: Object.keys(data).length === 0 ? `revoked ${id}` : fields(data) };
  },
};

export const keyCommands: readonly Command[] = [list, create, rotate, revoke];
