import { parse as parseQuery } from "node:querystring";
import type { z } from "zod";
import { checkIdempotencyKey } from "./idempotency.ts";
import { expectedVersion } from "./precondition.ts";
import { restFaults } from "./rest-faults.ts";
import { idempotencyOf } from "./route.ts";
import { parseStrictJson } from "./strict-json.ts";
import type { RestPhase, RestWork } from "./work.ts";

const bodyLimitBytesDefault = 64 * 1024;
const problemsShown = 20;

/** Is it well-formed? Throws `rest.invalid_input` with every field that is wrong, and its kin. */
export const validate: RestPhase = {
  name: "validate",
  async run(work) {
    const { route, arrival, rawParams } = work;
    const { headers, query } = arrival.exchange.head;
    work.params = route.params === undefined ? undefined : checkParams(route.params, rawParams);
    work.query = route.query === undefined ? undefined : check(route.query, splitQuery(query));
    if (route.needsIfMatch === true)
      work.expectedVersion = expectedVersion(headers.get("if-match"));
    work.idempotencyKey = idempotencyKey(work);
    if (route.rawBody === true) {
      work.bytes = await arrival.exchange.readBody(route.bodyLimitBytes ?? bodyLimitBytesDefault);
    }
    if (route.body === undefined) return;
    work.rawBody = await readJson(work);
    work.body = check(route.body, work.rawBody);
  },
};

/** An id of the wrong form names nothing, so the answer is that of a thing that is not there. */
function checkParams(schema: z.ZodType, params: unknown): unknown {
  const parsed = schema.safeParse({ ...(params as object) });
  if (!parsed.success) throw restFaults.not_found();
  return parsed.data;
}

function check(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const context: Record<string, string> = {};
  for (const { path, message } of parsed.error.issues.slice(0, problemsShown)) {
    context[path.map(String).join(".").slice(0, 100) || "(whole)"] = message.slice(0, 200);
  }
  throw restFaults.invalid_input({ context });
}

/** A parameter that stands twice would be read differently by different parts: refused. */
function splitQuery(query: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseQuery(query, "&", "=", { maxKeys: 32 }))) {
    if (typeof value !== "string") {
      throw restFaults.invalid_input({
        context: { [name.slice(0, 100)]: "stands more than once" },
      });
    }
    Object.defineProperty(fields, name, { value, enumerable: true });
  }
  return fields;
}

function idempotencyKey<Services>(work: RestWork<Services>): string {
  const kind = idempotencyOf(work.route);
  const key = work.arrival.exchange.head.headers.get("idempotency-key");
  if (kind === "none") return "";
  if (key !== undefined) return checkIdempotencyKey(key);
  if (kind === "required") throw restFaults.idempotency_key_missing();
  return "";
}

async function readJson<Services>(work: RestWork<Services>): Promise<unknown> {
  const { exchange } = work.arrival;
  const { headers } = exchange.head;
  const bytes = await exchange.readBody(work.route.bodyLimitBytes ?? bodyLimitBytesDefault);
  // No body at all is the empty object, for routes whose fields are all optional.
  if (bytes.length === 0) return {};
  const mediaType = (headers.get("content-type") ?? "").toLowerCase().replaceAll(" ", "");
  const isJson = mediaType === "application/json" || mediaType === "application/json;charset=utf-8";
  if (!isJson || headers.has("content-encoding")) throw restFaults.unsupported_media_type();
  return parseStrictJson(bytes);
}
