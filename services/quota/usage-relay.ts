import { AnalyticsService } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { connectRpc, type Lifecycle, type Site } from "@tandem/libs/service";
import { tellOutbox } from "@tandem/libs/service/database";
import { startRelay } from "@tandem/libs/store";
import type { Books } from "./store/books.ts";

/** A batch of a thousand facts is written in some 50 ms; a busy database may need longer. */
const recordDeadlineMs = 10_000;
/** Batches under way at once, of each replica. */
const concurrency = 4;

/**
 * Carries what was settled to analytics. While that is away events wait in the outbox, which holds
 * up nobody. Returns what wakes it after a commit.
 */
export function startUsageRelay(site: Site, lifecycle: Lifecycle, books: Books): () => void {
  if (books.tellsUsage !== true) return () => undefined;
  const analytics = connectRpc(site, lifecycle, {
    service: AnalyticsService,
    deployable: "analytics",
  });
  const { world, log } = site;
  const relay = startRelay(books.database, {
    ...{ world, log, concurrency },
    claimMs: 2 * recordDeadlineMs,
    deliver: async ({ id, payload }) => {
      const request = { eventId: id, batch: payload };
      await analytics.recordUsage(request, { deadlineMs: recordDeadlineMs });
    },
  });
  lifecycle.defer("usage outbox", () => relay.close());
  tellOutbox(site, lifecycle, books.database);
  return () => relay.wake();
}
