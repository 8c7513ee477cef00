/**
 * A route of the management plane, whole: where it is, who may call it, what goes in and out, and
 * the code behind it. The server, the OpenAPI document and the permission tests all read this one
 * description, so none of them can differ from the others.
 */
import type { z } from "zod";
import type { HeaderFields } from "../../http/index.ts";
import type { Caller } from "./caller.ts";
import type { FileReply } from "./send-file.ts";

export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * Who may call: everybody, whoever proved who they are, or whoever has a permission. A route on one
 * object also names the permission to know of it: without that, the thing "does not exist".
 */
export type RouteAccess =
  | "public"
  | "caller"
  | {
      /** One of them is enough, where there are several. */
      readonly permission: string | readonly string[];
      readonly visibleWith?: string;
    };

/** What a handler gets; `params`, `query` and `body` have passed their schemas. */
export interface RestCall<Params = unknown, Query = unknown, Body = unknown> {
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Of routes with `rawBody`; empty on all others. */
  readonly bytes: Uint8Array;
  readonly requestId: string;
  /** The client's, or empty. Passed on, so that the effect is exactly once whatever dies. */
  readonly idempotencyKey: string;
  /** The version behind `If-Match`; 0 for `*`, and on routes that want none. */
  readonly expectedVersion: bigint;
  /** Of the client, as the router saw it; empty when unknown. */
  readonly remoteAddress: string;
  /** The client came over TLS. */
  readonly isSecure: boolean;
  /** Path and query, as the client sent them. */
  readonly target: string;
  header(name: string): string | undefined;
  /** Milliseconds left until the request's deadline. */
  remainingMs(): number;
}

export interface RestReply<Body = unknown> {
  readonly body?: Body;
  /** Where it is not the route's: 202 for what was taken in and is done later. */
  readonly status?: 202;
  /** Instead of a body, on routes that list `fileTypes`. */
  readonly file?: FileReply;
  /** Of the resource in `body`; goes out as `ETag` and comes back as `If-Match`. */
  readonly version?: bigint;
  readonly headers?: HeaderFields;
  /** What the answer is missing or how old it is, for `x-tandem-degraded`; absent when whole. */
  readonly degraded?: string;
}

/** Parts of a description that need no types. All sizes in bytes. */
interface RouteFacts {
  readonly method: RouteMethod;
  /** With parameters as `:project_id`. */
  readonly path: string;
  /** Camel case, unique over the gateway; the method's name in generated clients. */
  readonly operationId: string;
  /** One sentence for the reference. */
  readonly summary: string;
  /** More, where a reader needs it. */
  readonly description?: string;
  /** The heading it stands under. */
  readonly tag: string;
  readonly access: RouteAccess;
  /** Of success. Default 200, or 204 without a reply; 303 sends a browser on, by `Location`. */
  readonly status?: 200 | 201 | 202 | 204 | 303;
  /** It may also take a request in, answer 202, and do it later. */
  readonly mayQueue?: boolean;
  /** Whether an `Idempotency-Key` must, may or cannot be sent. Default: optional on POST. */
  readonly idempotency?: "required" | "optional" | "none";
  /** `If-Match` must carry the version the change was made from. */
  readonly needsIfMatch?: boolean;
  /**
   * The last good answer may stand in while the service behind is away: shared by all of an
   * organisation, or for the caller alone where the answer depends on who asks.
   */
  readonly stale?: "organisation" | "caller";
  /** Media types of the files that it answers with, instead of JSON. */
  readonly fileTypes?: readonly string[];
  /** Default 64 KiB. */
  readonly bodyLimitBytes?: number;
  /** The body goes to the handler as the very bytes that came, for signatures over them. */
  readonly rawBody?: boolean;
  /** Reasons of faults, beyond those every route can have; for the reference. */
  readonly faults?: readonly string[];
}

export interface RouteSpec<
  Services,
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Reply extends z.ZodType,
> extends RouteFacts {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Absent: the answer has no body. Fields that it does not list never go out. */
  readonly reply?: Reply;
  handle(
    call: RestCall<z.output<Params>, z.output<Query>, z.output<Body>>,
    services: Services,
  ): Promise<RestReply<z.input<Reply>>>;
}

/** A route whose particular types are forgotten; what tables are made of. */
export interface Route<Services> extends RouteFacts {
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly reply?: z.ZodType;
  // A method, not a property: its parameters are compared both ways, which forgetting needs.
  handle(call: RestCall, services: Services): Promise<RestReply>;
}

/** Gives a gateway its `route` function: `const route = routesOf<Services>()`. */
export function routesOf<Services>() {
  return <
    Params extends z.ZodType = z.ZodUndefined,
    Query extends z.ZodType = z.ZodUndefined,
    Body extends z.ZodType = z.ZodUndefined,
    Reply extends z.ZodType = z.ZodUndefined,
  >(
    spec: RouteSpec<Services, Params, Query, Body, Reply>,
  ): Route<Services> => spec as unknown as Route<Services>;
}

/** Whether the route takes an `Idempotency-Key`, its default worked out. */
export function idempotencyOf(route: Route<never>): "required" | "optional" | "none" {
  if (route.idempotency !== undefined) return route.idempotency;
  return route.method === "POST" && route.access !== "public" ? "optional" : "none";
}

export function successStatusOf(route: Route<never>): number {
  const isEmpty = route.reply === undefined && route.fileTypes === undefined;
  return route.status ?? (isEmpty ? 204 : 200);
}

/** The permissions of which a caller needs one; none for routes that ask for none. */
export function permissionsFor({ access }: Route<never>): readonly string[] {
  if (typeof access === "string") return [];
  return typeof access.permission === "string" ? [access.permission] : access.permission;
}
