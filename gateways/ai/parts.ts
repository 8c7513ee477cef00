import type { LoadShedder, RetryBudget } from "@tandem/libs/resilience";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Articles } from "./articles/articles.ts";
import type { AnswerCache } from "./cache/answer-cache.ts";
import type { Flights } from "./cache/flights.ts";
import type { AiConfig } from "./config.ts";
import type { Conversations } from "./conversations.ts";
import type { ResumeBudget } from "./core/splice/resume-budget.ts";
import type { StandbyCost } from "./failover/standby-cost.ts";
import type { CatalogueHolder } from "./feeds/catalogue-holder.ts";
import type { HandOverSeal } from "./hand-over/hand-over-seal.ts";
import type { KnownCallers } from "./known-callers.ts";
import type { LimitDesk } from "./limits/limit-desk.ts";
import type { Refusals } from "./money/refusals.ts";
import type { Settler } from "./money/settler.ts";
import type { WalletDesk } from "./money/wallet-desk.ts";
import type { ResponseStore } from "./responses/response-store.ts";
import type { OpenStreams } from "./upstream/open-streams.ts";
import type { UpstreamSet } from "./upstream/upstream-set.ts";
import type { Watchdog } from "./upstream/watchdog.ts";

/** What the phases work with; built once in `run.ts`. */
export interface AiParts {
  readonly world: World;
  readonly log: Log;
  readonly config: AiConfig;
  /** `ai-1`: which replica this is. */
  readonly replicaId: string;
  readonly identities: KnownCallers;
  readonly catalogue: CatalogueHolder;
  readonly upstreams: UpstreamSet;
  readonly limits: LimitDesk;
  readonly wallets: WalletDesk;
  readonly settler: Settler;
  readonly refusals: Refusals;
  readonly cache: AnswerCache;
  readonly flights: Flights;
  readonly conversations: Conversations;
  readonly articles: Articles;
  readonly watchdog: Watchdog;
  readonly shedder: LoadShedder;
  readonly retryBudget: RetryBudget;
  /** For retries at targets that are believed to be down. */
  readonly outageBudget: RetryBudget;
  readonly standbyCost: StandbyCost;
  readonly resumeBudget: ResumeBudget;
  /** Of the tokens with which streams are handed over. */
  readonly seal: HandOverSeal;
  readonly responses: ResponseStore;
  readonly streams: OpenStreams;
}
