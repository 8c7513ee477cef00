import type { Hit } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { Fault } from "@tandem/libs/kernel";
import type { Site } from "@tandem/libs/service";
import type { World } from "@tandem/libs/world";
import type { Clients } from "../clients.ts";
import type { AiConfig } from "../config.ts";
import type { ArticleRules } from "../core/context/article-rules.ts";
import type { Articles, Citation } from "./articles.ts";

const firstPauseMs = 500;
const longestPauseMs = 10_000;

/**
 * Articles by way of their service, within a patience. After a failure nobody asks for a moment, so
 * that chats do not wait one after the other for a service that is away.
 */
export function createArticles(
  { world, log }: Site,
  given: {
    readonly clients: Clients;
    readonly config: AiConfig;
    readonly rules: { readonly current: ArticleRules };
  },
): Articles {
  const { articles } = given.clients;
  const { patienceMs, answerPatienceMs } = given.config.articles;
  let failures = 0;
  let outUntilMs = 0;
  /** Undefined when it is not had within the patience, or nobody asks for a moment. */
  const asked = async <Reply>(
    requestId: string,
    waitMs: number,
    ask: () => Promise<Reply>,
  ): Promise<Reply | undefined> => {
    if (world.clock.monotonicMs() < outUntilMs) return undefined;
    try {
      const reply = await within(world, waitMs, ask());
      failures = 0;
      return reply;
    } catch (error) {
      const fault = Fault.from(error);
      log.warn("articles_not_retrieved", { request_id: requestId, reason: fault.reason });
      if (fault.blame !== "client") {
        outUntilMs =
          world.clock.monotonicMs() + Math.min(longestPauseMs, firstPauseMs * 2 ** failures);
        failures = Math.min(failures + 1, 10);
      }
      return undefined;
    }
  };
  return {
    get rules() {
      return given.rules.current;
    },
    async retrieve(identity, { requestId, ...wanted }) {
      const { claims } = identity;
      const request = { organisationId: claims.organisationId, ...wanted };
      const options = { requestId, caller: claims, deadlineMs: patienceMs };
      const found = await asked(requestId, patienceMs, () => articles.retrieve(request, options));
      return found && { text: found.context, citations: found.hits.map(citationOf) };
    },
    async answer(identity, { requestId, ...wanted }) {
      const { claims } = identity;
      const request = { organisationId: claims.organisationId, ...wanted };
      const options = { requestId, caller: claims, deadlineMs: answerPatienceMs };
      const found = await asked(requestId, answerPatienceMs, () =>
        articles.answer(request, options),
      );
      return (
        found && {
          quotes: found.quotes,
          citations: found.hits.map(citationOf),
          isDegraded: found.degraded.length > 0,
        }
      );
    },
  };
}

/** A neighbour in this process is called without a socket that could time out. */
function within<Value>(world: World, patienceMs: number, value: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = world.timers.after(patienceMs, () => reject(new Error("not within patience")));
    value.finally(() => timer.cancel()).then(resolve, reject);
  });
}

function citationOf(hit: Hit, index: number): Citation {
  return {
    number: index + 1,
    articleId: hit.articleId,
    articleVersion: hit.articleVersion,
    passageId: hit.chunkId,
    title: hit.title,
    headings: hit.headings,
    attachment: hit.attachment,
    score: hit.score,
  };
}
