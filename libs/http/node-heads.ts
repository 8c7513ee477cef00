import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { HeaderList, RequestHead } from "./contract.ts";
import type { Refusal } from "./faults.ts";
import type { ServerLimits } from "./limits.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The fields of a message that `node:http` or `node:http2` read, in the shape of ours. */
export class FieldList implements HeaderList {
  readonly #entries: readonly (readonly [name: string, value: string])[];

  constructor(entries: readonly (readonly [name: string, value: string])[]) {
    this.#entries = entries;
  }

  get(name: string): string | undefined {
    let found: string | undefined;
    for (const [known, value] of this.#entries) {
      if (known === name) found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  entries(): readonly (readonly [name: string, value: string])[] {
    return this.#entries;
  }
}

/** Names in lower case; pseudo-fields turned into what they stand for (RFC 9113, 8.3.1). */
function readFields(request: NodeRequest): [name: string, value: string][] {
  const { rawHeaders } = request;
  const entries: [string, string][] = [];
  const crumbs: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    // HTTP/2 may send a cookie in pieces; HTTP/1.1 wants it whole (RFC 9113, 8.2.3).
    if (name === "cookie" && request.httpVersionMajor === 2) crumbs.push(value);
    else if (!name.startsWith(":")) entries.push([name, value]);
  }
  if (crumbs.length > 0) entries.push(["cookie", crumbs.join("; ")]);
  const authority = "authority" in request ? request.authority : undefined;
  if (authority !== undefined && !entries.some(([name]) => name === "host")) {
    entries.push(["host", authority]);
  }
  return entries;
}

/** A target in absolute form (RFC 9112, 3.2.2) in origin form, if it means this very host. */
function originForm(target: string, host: string): string | undefined {
  if (target.startsWith("/") || target === "*") return target;
  const match = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(target);
  if (match?.[1]?.toLowerCase() !== host.toLowerCase()) return undefined;
  const rest = match[2] ?? "";
  return rest.startsWith("/") ? rest : `/${rest}`;
}

const validHost = /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]{0,255}$/;

/** The head of a request that Node's parser accepted, held to the rules of the strict one. */
export function nodeRequestHead(
  request: NodeRequest,
  limits: Pick<ServerLimits, "fields" | "targetBytes">,
): RequestHead | Refusal {
  const url = request.url ?? "";
  if (url.length > limits.targetBytes) return "target_too_long";
  if (request.rawHeaders.length > 2 * (limits.fields + 4)) return "head_too_large";
  const fields = readFields(request);
  if (fields.length > limits.fields) return "head_too_large";
  const hosts = fields.filter(([name]) => name === "host");
  const host = hosts[0]?.[1];
  // HTTP/1.0 knew no Host field; everybody since has to send one.
  const mayLackHost = request.httpVersion === "1.0" && hosts.length === 0;
  if (!mayLackHost && (host === undefined || hosts.length > 1 || !validHost.test(host))) {
    return "bad_host";
  }
  const target = originForm(url, host ?? "");
  if (target === undefined) return "bad_target";
  const headers = new FieldList(fields);
  const length = headers.get("content-length");
  const mark = target.indexOf("?");
  return {
    method: request.method ?? "",
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    contentLength: length === undefined ? undefined : Number(length),
  };
}
