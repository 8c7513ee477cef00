import { type HotStore, hotKey } from "@tandem/libs/store/hot";
import { z } from "zod";
import type { Side } from "../core/failover/failover-machine.ts";

/** Failover belongs to no tenant. */
export function hotKeyOf(...parts: readonly string[]): string {
  return hotKey("failover", ...parts);
}

const sideSchema = z.enum(["primary", "standby"]);
const groupSchema = z.object({
  group: z.string(),
  state: z.enum(["primary", "standby", "returning", "pinned"]),
  share: z.number(),
  reasons: z.array(z.string()),
  alarm: z.boolean(),
});
const incidentSchema = groupSchema.extend({ atMs: z.number() });
const boardSchema = z.object({
  groups: z.array(groupSchema),
  incidents: z.array(incidentSchema),
});

export type GroupView = z.output<typeof groupSchema>;
export type Incident = z.output<typeof incidentSchema>;
/** What one gateway replica decided, for people. */
export type Board = z.output<typeof boardSchema>;

type Store = Pick<HotStore, "get" | "set" | "delete">;

/** A replica that has not written for this long is not there. */
const boardLifeMs = 5_000;
const incidentLifeMs = 7 * 86_400_000;

/**
 * Where gateways tell one another, and operators, what they decided and want: in the shared store,
 * since decisions themselves need nobody. It may be emptied: then a pin is gone, and everybody
 * decides by what it sees.
 */
export class FailoverBoard {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async write(replica: string, board: Board): Promise<void> {
    const life = { ttlMs: board.incidents.length > 0 ? incidentLifeMs : boardLifeMs };
    await this.#store.set(hotKeyOf("incidents", replica), JSON.stringify(board.incidents), life);
    await this.#store.set(hotKeyOf("groups", replica), JSON.stringify(board.groups), {
      ttlMs: boardLifeMs,
    });
  }

  async read(replica: string): Promise<Board> {
    const [groups, incidents] = await Promise.all([
      this.#store.get(hotKeyOf("groups", replica)),
      this.#store.get(hotKeyOf("incidents", replica)),
    ]);
    const listIn = (text: Buffer | undefined): unknown =>
      text === undefined ? [] : JSON.parse(text.toString());
    const board = { groups: listIn(groups), incidents: listIn(incidents) };
    return boardSchema.safeParse(board).data ?? { groups: [], incidents: [] };
  }

  async pin(group: string, side: Side | undefined, { forMs }: { forMs: number }): Promise<void> {
    const key = hotKeyOf("pin", group);
    if (side === undefined) await this.#store.delete(key);
    else await this.#store.set(key, side, { ttlMs: forMs });
  }

  async pinOf(group: string): Promise<Side | undefined> {
    const text = (await this.#store.get(hotKeyOf("pin", group)))?.toString();
    return sideSchema.safeParse(text).data;
  }
}
