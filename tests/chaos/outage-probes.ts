/** What a service's outage promises, as questions that go through the public door. */

/** The services of the access and business domains. */
export type Service = "auth" | "users" | "quota" | "orders" | "articles" | "analytics";
export type Domain = "access" | "business";

export const services: readonly Service[] = [
  ...(["auth", "users", "quota"] as const),
  ...(["orders", "articles", "analytics"] as const),
];

export interface Probe {
  readonly method?: "GET" | "POST";
  readonly path: string;
  readonly body?: object;
  /** A key that is well formed and that nobody has ever seen; the administrator's otherwise. */
  readonly isStranger?: boolean;
}

export interface ProbeAnswer {
  readonly status: number;
  /** Of `x-tandem-degraded`. */
  readonly marks: string;
  readonly age: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly tookMs: number;
}

/** What is wrong with an answer given while the service was gone; undefined when nothing is. */
export type Judge = (answer: ProbeAnswer, downMs: number) => string | undefined;

export interface Question {
  readonly probe: Probe;
  readonly judge: Judge;
}

/** Three missed polls of the revocation feed; only then is an identity known from a copy. */
const identityQuietMs = 4_500;

export function domainOf(service: Service): Domain {
  return ["auth", "users", "quota"].includes(service) ? "access" : "business";
}

export function otherDomain(domain: Domain): Domain {
  return domain === "access" ? "business" : "access";
}

const stale: Judge = ({ status, marks, age, body }) => {
  if (status !== 200) return `status ${status}, not the last good answer`;
  if (!marks.includes("stale")) return "not marked stale";
  if (!/^\d+$/.test(age)) return "without its age";
  return JSON.stringify(body["degraded"])?.includes("stale") ? undefined : "unmarked in its body";
};

const away: Judge = ({ status, body }) => {
  if (status !== 503) return `status ${status}, not 503`;
  const isClear = typeof body["detail"] === "string" && typeof body["request_id"] === "string";
  return isClear ? undefined : "a 503 that does not say what it is";
};

const queued: Judge = ({ status, marks, body }) => {
  if (status !== 202) return `status ${status}, not 202`;
  return marks.includes("queued") && body["state"] === "queued" ? undefined : "not told as queued";
};

const fresh: Judge = ({ status, marks }) => {
  if (status !== 200) return `status ${status}`;
  return marks === "" ? undefined : `marked ${marks}`;
};

const byIdentityCopy: Judge = ({ status, marks }, downMs) => {
  if (status !== 200) return `status ${status}, though its caller is known`;
  if (marks === "") return downMs > identityQuietMs ? "not marked identity" : undefined;
  return marks === "identity" ? undefined : `marked ${marks}`;
};

const day = "from=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z";

/** Reads of each domain that it serves as long as its services live. */
export const readsOf: Readonly<Record<Domain, readonly string[]>> = {
  access: [
    ...["/api/v1/me", "/api/v1/projects", "/api/v1/members", "/api/v1/keys"],
    ...["/api/v1/wallet", "/api/v1/limits"],
  ],
  business: [
    ...["/api/v1/orders?limit=5", "/api/v1/packs", "/api/v1/articles?limit=5"],
    ...[
      "/api/v1/search?q=bicycle&mode=lexical",
      `/api/v1/usage?${day}`,
      "/api/v1/statements?month=2026-11",
    ],
  ],
};

/** The other domain's share: answered as ever, but for the mark that concerns every caller. */
export function untouched(service: Service): Judge {
  if (service !== "auth") return fresh;
  return (answer, downMs) =>
    answer.marks === "identity" ? byIdentityCopy(answer, downMs) : fresh(answer, downMs);
}

/** A read that was answered before the outage, so that a copy of it can stand in. */
export function isSeen({ judge }: Question): boolean {
  return judge === stale || judge === byIdentityCopy;
}

function get(path: string, judge: Judge): Question {
  return { probe: { path }, judge };
}

function post(path: string, body: object, judge: Judge): Question {
  return { probe: { method: "POST", path, body }, judge };
}

/** What is asked of a service's own gateway while the service is gone. */
export function questionsOf(service: Service, packId: string): readonly Question[] {
  switch (service) {
    case "auth":
      return [
        ...["/api/v1/projects", "/api/v1/me", "/api/v1/wallet"].map((path) =>
          get(path, byIdentityCopy),
        ),
        { probe: { path: "/api/v1/projects", isStranger: true }, judge: away },
        post("/api/v1/keys", { name: "never made", scopes: ["manage:read"] }, away),
        get("/api/v1/keys", away),
      ];
    case "users":
      return [
        ...["/api/v1/me", "/api/v1/projects", "/api/v1/members"].map((path) => get(path, stale)),
        post("/api/v1/projects", { name: "never made" }, away),
        get("/api/v1/projects?limit=3", away),
      ];
    case "quota":
      return ["/api/v1/wallet", "/api/v1/limits", "/api/v1/budgets"].map((path) => get(path, away));
    case "orders":
      return [
        ...["/api/v1/orders?limit=5", "/api/v1/packs", "/api/v1/statements?month=2026-11"].map(
          (path) => get(path, stale),
        ),
        post("/api/v1/orders", { product_id: packId }, queued),
        get("/api/v1/orders?limit=3", away),
      ];
    case "articles":
      return [
        ...["/api/v1/articles?limit=5", "/api/v1/search?q=bicycle&mode=lexical"].map((path) =>
          get(path, stale),
        ),
        post("/api/v1/articles", { title: "never made", body: "text" }, away),
        get("/api/v1/search?q=tricycle&mode=lexical", away),
      ];
    case "analytics":
      return [
        get(`/api/v1/usage?${day}`, stale),
        get("/api/v1/usage?group_by=model", away),
        get("/api/v1/usage/export?format=csv", away),
      ];
  }
}
