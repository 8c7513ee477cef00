import type { Exchange } from "@tandem/libs/http";

/** The pages that the router answers itself. */
export interface OwnPages {
  /** `/livez` and `/readyz`, on every door. False: not one of them. */
  answerPublic(exchange: Exchange): boolean;
  /** The router's own door: those, `/metrics` and `/replicas`; everything else is 404. */
  answerOwn(exchange: Exchange): void;
}

const plainText = [["content-type", "text/plain"]] as const;
const json = [["content-type", "application/json"]] as const;
const prometheusText = [["content-type", "text/plain; version=0.0.4; charset=utf-8"]] as const;

export function createOwnPages(given: {
  readonly unreadyChecks: () => readonly string[];
  /** In Prometheus's text form. */
  readonly exposeMetrics: () => Promise<string>;
  /** What each gateway replica has done so far, for who decides on a canary. */
  readonly tellTallies: () => unknown;
}): OwnPages {
  const answerPublic = (exchange: Exchange): boolean => {
    const { target, method } = exchange.head;
    if (target !== "/livez" && target !== "/readyz") return false;
    if (method !== "GET" && method !== "HEAD") return false;
    const unready = target === "/readyz" ? given.unreadyChecks() : [];
    const text = unready.length === 0 ? "ok\n" : `waiting for ${unready.join(", ")}\n`;
    exchange.respond(unready.length === 0 ? 200 : 503, plainText, text);
    return true;
  };
  return {
    answerPublic,
    answerOwn: (exchange) => {
      if (answerPublic(exchange)) return;
      if (exchange.head.target === "/metrics" && exchange.head.method === "GET") {
        given.exposeMetrics().then(
          (text) => exchange.respond(200, prometheusText, text),
          () => exchange.respond(500, plainText, "the metrics could not be collected\n"),
        );
        return;
      }
      if (exchange.head.target === "/replicas" && exchange.head.method === "GET") {
        exchange.respond(200, json, JSON.stringify(given.tellTallies()));
        return;
      }
      exchange.respond(404, plainText, "no such page\n");
    },
  };
}
