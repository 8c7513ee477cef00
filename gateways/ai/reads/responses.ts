import { Fault } from "@tandem/libs/kernel";
import { restUnder } from "../dialects/openai/endpoints.ts";
import { aiFaults } from "../faults.ts";
import type { KeptResponse } from "../responses/response-store.ts";
import type { Asked, Read } from "./read.ts";

/** Kept responses: read, forgotten, their input listed; a response that is over is not cancelled. */
export function responsesReadAt(path: string): Read | undefined {
  const rest = restUnder(path, "/responses");
  if (rest === undefined || rest === "") return undefined;
  const [id = "", what, ...more] = rest.split("/");
  if (more.length > 0) return undefined;
  if (what === undefined) return { methods: ["GET", "DELETE"], answer: (asked) => one(asked, id) };
  if (what === "input_items") {
    return { methods: ["GET"], answer: (asked) => inputItems(asked, id) };
  }
  return what === "cancel"
    ? { methods: ["POST"], answer: (asked) => cancel(asked, id) }
    : undefined;
}

async function one(asked: Asked, id: string): Promise<string> {
  if (asked.exchange.head.method === "GET") return (await found(asked, id)).responseJson;
  checkRights(asked);
  const { parts, identity } = asked;
  const isGone = await parts.responses.forget(identity, id).catch(unreachable);
  if (!isGone) throw unknownResponse(id);
  return JSON.stringify({ id, object: "response", deleted: true });
}

async function inputItems(asked: Asked, id: string): Promise<string> {
  const { items } = await found(asked, id);
  const data = items.map((item, index) => ({ id: `item_${index}`, ...(item as object) }));
  return JSON.stringify({
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: false,
  });
}

async function cancel(asked: Asked, id: string): Promise<string> {
  await found(asked, id);
  throw aiFaults.contradictory_request({
    publicMessage: "Only a response in the background can be cancelled; close the stream instead.",
  });
}

async function found(asked: Asked, id: string): Promise<KeptResponse> {
  checkRights(asked);
  const { parts, identity } = asked;
  const kept = await parts.responses.find(identity, id).catch(unreachable);
  if (kept === undefined) throw unknownResponse(id);
  return kept;
}

export function checkRights({ identity }: Pick<Asked, "identity">): void {
  if (!identity.scopes.has("inference")) {
    throw aiFaults.scope_missing({ context: { scope: "inference" } });
  }
  if (!identity.mayUseEndpoint("chat")) throw aiFaults.endpoint_not_allowed();
}

export function unknownResponse(id: string): Fault {
  return aiFaults.not_found({
    publicMessage: `There is no response ${id.slice(0, 64)}, or it is kept no longer.`,
  });
}

/** An outage is not told as an unknown response. */
export function unreachable(error: unknown): never {
  throw aiFaults.responses_unavailable({
    detail: Fault.from(error).message,
    retryAfterMs: 1_000,
    cause: error,
  });
}
