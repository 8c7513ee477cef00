/**
 * Lists come in pages by cursor: `limit` and `after` in, `has_more`, `first_id`, `last_id` out, and
 * a `Link` to the next page (RFC 8288). No offsets: they skip and repeat rows while others write.
 */
import { z } from "zod";
import type { HeaderFields } from "../../http/index.ts";
import { integerQuery } from "./fields.ts";

const cursorField = z
  .string()
  .max(64)
  .regex(/^[a-z0-9_]+$/, "must be the `last_id` of the page before");

export const pageLimitDefault = 20;
export const pageLimitMax = 100;

const pageShape = {
  limit: integerQuery({ min: 1, max: pageLimitMax, default: pageLimitDefault }),
  after: cursorField.default(""),
};

export const pageQuery = z.strictObject(pageShape);

/** A page's query together with filters of the route's own. */
export function pageQueryWith<Shape extends z.core.$ZodLooseShape>(filters: Shape) {
  return z.strictObject({ ...pageShape, ...filters });
}

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    data: z.array(item),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  });
}

export interface PageBody<Item> {
  data: Item[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}

/** A page as its body and the link to the next one. `path` as the client asked, with its query. */
export function pageReply<Item>(options: {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
  readonly cursorOf: (item: Item) => string;
  readonly target: string;
}): { body: PageBody<Item>; headers: HeaderFields } {
  const { items, hasMore, cursorOf, target } = options;
  const first = items.at(0);
  const last = items.at(-1);
  const lastId = last === undefined ? null : cursorOf(last);
  return {
    body: {
      data: [...items],
      has_more: hasMore,
      first_id: first === undefined ? null : cursorOf(first),
      last_id: lastId,
    },
    headers:
      hasMore && lastId !== null ? [["link", `<${nextTarget(target, lastId)}>; rel="next"`]] : [],
  };
}

function nextTarget(target: string, after: string): string {
  const [path = "", query = ""] = target.split("?");
  const search = new URLSearchParams(query);
  search.set("after", after);
  return `${path}?${search}`;
}
