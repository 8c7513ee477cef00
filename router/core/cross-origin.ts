import type { HeaderFields, HeaderList } from "@tandem/libs/http";

/**
 * Which pages of other origins may use the model API from a browser, and how they are told (Fetch,
 * CORS protocol: https://fetch.spec.whatwg.org/#http-cors-protocol). Keys only: credentials are
 * never allowed, so a cookie of ours says nothing to a page that is not ours, and what may be read
 * can be "*". The management API is for its own origin, and is not spoken of here.
 */
export interface CrossOrigin {
  /** For every answer, errors included: without them a page sees no status and no reason. */
  fieldsFor(request: Asked): HeaderFields;
  /** Of the answer to a preflight; undefined when its origin is not allowed. */
  preflightFieldsFor(request: Asked): HeaderFields | undefined;
}

export interface Asked {
  readonly path: string;
  readonly headers: Pick<HeaderList, "get">;
}

const managementPrefix = "/api/";
/** As long as browsers keep a preflight's answer; Chromium's bound. */
const keepSeconds = 7_200;
const methods = "GET, POST, PUT, PATCH, DELETE";
const anyOrigin = "*";

/** What browsers write into `access-control-request-headers`: names and commas. */
const fieldNames = /^[!#$%&'*+.^_`|~0-9a-z-]+( *, *[!#$%&'*+.^_`|~0-9a-z-]+)*$/;
const fieldNamesBytesMax = 4_096;

const nothing: HeaderFields = [];

/** Origins separated by commas; "*" is any, "" is none. */
export function parseOrigins(text: string): CrossOrigin {
  const origins = new Set(text.split(",").map((origin) => origin.trim().toLowerCase()));
  origins.delete("");
  const isOpen = origins.has(anyOrigin);
  // Whoever keeps answers must not give one origin's to another, nor one without to any.
  const vary: HeaderFields = isOpen ? [] : [["vary", "origin"]];

  const allowed = ({ headers }: Asked): string | undefined => {
    const origin = headers.get("origin");
    if (origin === undefined) return undefined;
    if (isOpen) return anyOrigin;
    return origins.has(origin.toLowerCase()) ? origin : undefined;
  };

  return {
    fieldsFor: (request) => {
      if (origins.size === 0 || request.path.startsWith(managementPrefix)) return nothing;
      const origin = allowed(request);
      if (origin === undefined) return vary;
      return [
        ["access-control-allow-origin", origin],
        ["access-control-expose-headers", "*"],
        ...vary,
      ];
    },
    preflightFieldsFor: (request) => {
      const origin = allowed(request);
      if (origin === undefined) return undefined;
      const names = request.headers.get("access-control-request-headers")?.toLowerCase() ?? "";
      const isSound = names.length <= fieldNamesBytesMax && fieldNames.test(names);
      return [
        ["access-control-allow-origin", origin],
        ["access-control-allow-methods", methods],
        ...(isSound ? ([["access-control-allow-headers", names]] as const) : []),
        ["access-control-max-age", `${keepSeconds}`],
        ["vary", "origin, access-control-request-headers"],
      ];
    },
  };
}

/** A browser's question whether a page may ask; never a request of the API itself. */
export function isPreflight({
  method,
  path,
  headers,
}: Asked & { readonly method: string }): boolean {
  return (
    method === "OPTIONS" &&
    !path.startsWith(managementPrefix) &&
    headers.get("origin") !== undefined &&
    headers.get("access-control-request-method") !== undefined
  );
}
