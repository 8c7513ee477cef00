/** A management server of books, whole and real, for the tests of this folder. */

import { z } from "zod";
import { createHttpServer } from "../../http/index.ts";
import { Fault } from "../../kernel/index.ts";
import { type HotStore, openHotStore } from "../../store/hot/index.ts";
import { createLog, createMetrics } from "../../telemetry/index.ts";
import { type HttpAnswer, httpRequest } from "../../testing/index.ts";
import { realWorld } from "../../world/index.ts";
import { type Caller, nobody } from "./caller.ts";
import { idField, lineField } from "./fields.ts";
import { createIdempotency } from "./idempotency.ts";
import { pageOf, pageQuery, pageReply } from "./page.ts";
import { createRestHandler } from "./rest-handler.ts";
import { type Route, routesOf } from "./route.ts";
import { createRouteTable } from "./route-table.ts";
import { createStaleAnswers } from "./stale-answers.ts";

export interface Shelf {
  books: Map<string, string>;
  created: number;
  /** What the next handler does instead of its work. */
  trouble: (() => Promise<never>) | undefined;
  /** Of the file of all books. */
  pieces: () => AsyncGenerator<string>;
}

async function* noPieces(): AsyncGenerator<string> {}

export const bookId = `prj_${"0".repeat(26)}`;
export const otherId = `prj_${"1".repeat(26)}`;
const route = routesOf<Shelf>();
const book = z.object({ id: idField("prj"), title: z.string() });
const place = z.strictObject({ book_id: idField("prj") });

const routes: readonly Route<Shelf>[] = [
  route({
    method: "GET",
    path: "/api/v1/books",
    operationId: "listBooks",
    summary: "Lists books.",
    tag: "Books",
    access: { permission: "books:read" },
    query: pageQuery,
    reply: pageOf(book),
    stale: "organisation",
    async handle({ target, query }, shelf) {
      await shelf.trouble?.();
      const items = [...shelf.books].map(([id, title]) => ({ id, title }));
      return pageReply({
        items: items.slice(0, query.limit),
        hasMore: items.length > query.limit,
        cursorOf: ({ id }) => id,
        target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/books-file",
    operationId: "exportBooks",
    summary: "Sends books as a file.",
    tag: "Books",
    access: { permission: "books:read" },
    fileTypes: ["text/csv"],
    handle: async (_, shelf) => ({
      file: { mediaType: "text/csv", name: "books of today.csv", pieces: shelf.pieces() },
    }),
  }),
  route({
    method: "POST",
    path: "/api/v1/books",
    operationId: "createBook",
    summary: "Creates a book.",
    tag: "Books",
    access: { permission: "books:write" },
    body: z.strictObject({ title: lineField({ max: 20 }), pages: z.int().min(1).optional() }),
    reply: book,
    status: 201,
    async handle({ body }, shelf) {
      await shelf.trouble?.();
      shelf.created += 1;
      return { body: { id: bookId, title: `${body.title} ${shelf.created}`, secret: "never" } };
    },
  }),
  route({
    method: "PATCH",
    path: "/api/v1/books/:book_id",
    operationId: "updateBook",
    summary: "Changes a book.",
    tag: "Books",
    access: { permission: "books:write", visibleWith: "books:read" },
    params: place,
    body: z.strictObject({ title: lineField({ max: 20 }) }),
    reply: book,
    needsIfMatch: true,
    async handle({ params, body, expectedVersion }, shelf) {
      if (!shelf.books.has(params.book_id)) {
        throw new Fault({ code: "not_found", reason: "books.gone", publicMessage: "No book." });
      }
      return { body: { id: params.book_id, title: body.title }, version: expectedVersion + 1n };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/books/:book_id",
    operationId: "deleteBook",
    summary: "Deletes a book.",
    tag: "Books",
    access: { permission: "books:write", visibleWith: "books:read" },
    params: place,
    handle: async () => ({}),
  }),
];

function callerWith(permissions: readonly string[], organisation = "org_a"): Caller {
  return {
    ...nobody,
    claims: { ...nobody.claims, organisationId: organisation, keyId: "key_1" },
    permissions: new Set(permissions),
    actor: "key_1",
    via: "key",
  };
}

const callers: Readonly<Record<string, Caller>> = {
  all: callerWith(["books:read", "books:write"]),
  other: callerWith(["books:read", "books:write"], "org_b"),
  reader: callerWith(["books:read"]),
  stranger: callerWith([]),
  cached: { ...callerWith(["books:read", "books:write"]), isDegraded: true },
};

export interface Ask {
  readonly who?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | Buffer;
}

export interface BookServer {
  readonly address: string;
  readonly shelf: Shelf;
  readonly hotStore: HotStore;
  readonly lines: readonly string[];
  /** While true the store of idempotency keys refuses. */
  storeIsAway: boolean;
  ask(ask?: Ask): Promise<HttpAnswer>;
  /** As it was at the beginning. */
  reset(): void;
  close(): Promise<void>;
}

export async function openBookServer(): Promise<BookServer> {
  const world = realWorld();
  const lines: string[] = [];
  const log = createLog({ level: "info", fields: {}, write: (line) => lines.push(line) });
  const hotStore = await openHotStore("memory:", { world, log });
  const shelf: Shelf = { books: new Map(), created: 0, trouble: undefined, pieces: noPieces };
  const server = createHttpServer({
    world,
    log,
    onExchange: createRestHandler({
      table: createRouteTable(routes),
      services: shelf,
      authenticate: async ({ exchange }) => callers[exchange.head.headers.get("x-who") ?? ""],
      idempotency: createIdempotency({
        store: sometimesAway(hotStore, () => opened.storeIsAway),
        secret: new Uint8Array(32),
        world,
      }),
      stale: createStaleAnswers({
        bytesMax: 100_000,
        ageMsMax: 60_000,
        monotonicMs: world.clock.monotonicMs,
      }),
      world,
      log,
      metrics: createMetrics(),
      component: "access",
      deadlineMs: 10_000,
      staleAfterMs: 50,
    }),
  });
  await server.listen("tcp:127.0.0.1:0");
  const opened: BookServer = {
    address: server.address,
    shelf,
    hotStore,
    lines,
    storeIsAway: false,
    ask: ({ who = "all", path = "/api/v1/books", headers = {}, ...rest } = {}) =>
      httpRequest(server.address, { path, headers: { "x-who": who, ...headers }, ...rest }),
    reset() {
      Object.assign(shelf, { books: new Map([[bookId, "Emma"]]), created: 0, trouble: undefined });
      opened.storeIsAway = false;
      shelf.pieces = noPieces;
    },
    async close() {
      await server.close({ deadlineMs: 1000 });
      await hotStore.close();
    },
  };
  return opened;
}

type KeyStore = Pick<HotStore, "get" | "set" | "setIfAbsent" | "deleteIfEqual">;

function sometimesAway(store: HotStore, isAway: () => boolean): KeyStore {
  const orAway = <Result>(run: () => Promise<Result>): Promise<Result> =>
    isAway()
      ? Promise.reject(
          new Fault({ code: "unavailable", reason: "store.unavailable", publicMessage: "" }),
        )
      : run();
  return {
    get: (key) => orAway(() => store.get(key)),
    set: (...given) => orAway(() => store.set(...given)),
    setIfAbsent: (...given) => orAway(() => store.setIfAbsent(...given)),
    deleteIfEqual: (...given) => orAway(() => store.deleteIfEqual(...given)),
  };
}
