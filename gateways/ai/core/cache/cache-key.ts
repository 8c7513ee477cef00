/**
 * What an answer is remembered under: the tenant, what its key may do, the model, the endpoint, and
 * the body without what does not change an answer. Members of the body are taken in the order of
 * their names, so that two programs that write them differently meet; their values are taken as
 * they are written, since a miss is never wrong.
 */
import { hash } from "node:crypto";
import { nowhere } from "../json-document.ts";
import type { GenerationRequest } from "../request/generation-request.ts";

/** How the answer travels, and whom it is for; the latter is in the tenant. */
const ignoredKeys: ReadonlySet<string> = new Set([
  "model",
  "stream",
  "stream_options",
  "user",
  "metadata",
  "store",
]);

export interface CacheScope {
  /** A key id, or an organisation's where the operator lets its keys share. */
  readonly tenant: string;
  readonly policyVersion: string;
  /** Of the resolved model. */
  readonly model: string;
}

/** Bytes that are hashed are put together here first; grows to the largest request. */
let scratch = Buffer.allocUnsafeSlow(65_536);

/** 43 characters; different for every two requests that may have different answers. */
export function cacheKey(request: GenerationRequest, scope: CacheScope): string {
  const { document, endpoint } = request;
  const members: (readonly [key: string, value: number])[] = [];
  let member = document.firstChild(document.root);
  while (member !== nowhere) {
    const key = document.key(member);
    if (!ignoredKeys.has(key)) members.push([key, member]);
    member = document.nextChild(document.root, member);
  }
  members.sort(([left], [right]) => (left < right ? -1 : 1));
  let end = append(0, JSON.stringify([scope.tenant, scope.policyVersion, scope.model, endpoint]));
  for (const [key, value] of members) {
    end = append(end, `\n${JSON.stringify(key)}:`);
    const [from, to] = [document.start(value), document.end(value)];
    makeRoom(end, to - from);
    end += document.bytes.copy(scratch, end, from, to);
  }
  return hash("sha256", scratch.subarray(0, end), "base64url");
}

function append(at: number, text: string): number {
  // At most three bytes of UTF-8 for a unit of UTF-16.
  makeRoom(at, text.length * 3);
  return at + scratch.write(text, at);
}

function makeRoom(used: number, bytes: number): void {
  if (used + bytes <= scratch.length) return;
  const grown = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(used + bytes)));
  scratch.copy(grown, 0, 0, used);
  scratch = grown;
}
