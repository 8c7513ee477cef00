import type {
  SettleRequest,
  SettleResponse,
  Settlement as WireSettlement,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { Counter, Log } from "@tandem/libs/telemetry";
import { requirePlatform } from "../authority.ts";
import type { Settlement } from "../core/settlement.ts";
import { faults } from "../faults.ts";
import type { Books } from "../store/books.ts";
import { settle } from "../store/settle.ts";
import { readGivenName } from "./read-request.ts";

/** Locks are held for the length of a batch. */
const batchMax = 1_000;

export interface SettleParts {
  readonly books: Books;
  readonly settled: Counter;
  readonly warned: Counter;
  readonly log: Log;
  /** What was settled has been committed: it may leave for analytics. */
  readonly onUsage: () => void;
}

/**
 * Books a batch exactly once. A request id that is neither settled nor refused in the answer waits
 * for a wallet that is locked: send it again.
 */
export async function settleOperation(
  { books, settled, warned, log, onUsage }: SettleParts,
  request: SettleRequest,
  context: CallContext,
): Promise<MessageInit<SettleResponse>> {
  requirePlatform(context);
  const holder = readGivenName("holder", request.holder);
  if (request.settlements.length > batchMax) {
    throw faults.malformed({ publicMessage: `A batch has at most ${batchMax} settlements.` });
  }
  const outcome = await settle(books, {
    holder,
    settlements: request.settlements.map(toSettlement),
  });
  onUsage();
  settled.add(outcome.settled.length, { outcome: "settled" });
  settled.add(outcome.refused.length, { outcome: "refused" });
  settled.add(outcome.waiting.length, { outcome: "waiting" });
  for (const warning of outcome.warnings) {
    warned.add(1, { kind: warning.isSoft ? "soft" : "hard" });
    log.info("budget_warning", {
      budget: warning.budgetId,
      organisation: warning.organisationId,
      period: warning.periodKey,
      percent: warning.percent,
    });
  }
  return { settled: [...outcome.settled], refused: [...outcome.refused] };
}

function toSettlement({ $typeName: _, ...wire }: WireSettlement): Settlement {
  return { ...wire, atMs: Number(wire.atMs) };
}
