import type {
  ListLoadsRequest,
  ListLoadsResponse,
  Load,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission, requirePlatformPermission } from "../authority.ts";
import type { Limit } from "../core/limit.ts";
import { narrowestField, type Subject } from "../core/subject.ts";
import type { LimitBoard } from "../limit-board.ts";
import type { LimitDesk, LimitLoad } from "../limit-desk.ts";
import { type Books, readClock } from "../store/books.ts";
import { findBudgets, findFullest, type RunningBudget } from "../store/budget-rows.ts";
import { findLimitsOf, findOrganisations } from "../store/limits.ts";
import { readName, readPageSize } from "./read-request.ts";
import { budgetToWire } from "./set-budget.ts";
import { limitToWire } from "./set-limit.ts";

/** Organisations whose limits are looked at when all are meant; a look takes some 50 µs. */
const organisationsMax = 5_000;

interface LoadParts {
  readonly books: Books;
  readonly limits: LimitBoard;
  readonly desk: LimitDesk;
}

/** Who is near a limit: every limit and budget with what is used of it now, the fullest first. */
export async function listLoadsOperation(
  { books, limits, desk }: LoadParts,
  request: ListLoadsRequest,
  context: CallContext,
): Promise<MessageInit<ListLoadsResponse>> {
  const organisationId = readName("organisation_id", request.organisationId);
  if (organisationId === "") requirePlatformPermission(context, "organisations:read");
  else requirePermission(context, { organisationId, permission: "limits:read" });
  const size = readPageSize(request.limit);
  const { percentMin, scope } = request;
  const isWanted = (subject: Subject): boolean => scope === "" || narrowestField(subject) === scope;
  const { all, isPartial } = await limitsToLookAt({ books, limits }, organisationId);
  const looked = await desk.look(all.filter(({ subject }) => isWanted(subject)));
  const nowMs = await readClock(books.database, books);
  const budgets =
    organisationId === ""
      ? await findFullest(books.database, { nowMs, percentMin, limit: size })
      : await findBudgets(books.database, { organisationId, nowMs });
  const loads = [
    ...looked.loads.map((load) => loadOfLimit(load, nowMs)),
    ...budgets.filter(({ subject }) => isWanted(subject)).map((one) => loadOfBudget(one, nowMs)),
  ]
    .filter(({ part }) => part * 100 >= percentMin)
    .sort((left, right) => right.part - left.part)
    .slice(0, size);
  return {
    loads: loads.map(({ wire }) => wire),
    partial: isPartial,
    degraded: looked.isDegraded,
  };
}

async function limitsToLookAt(
  { books, limits }: Pick<LoadParts, "books" | "limits">,
  organisationId: string,
): Promise<{ readonly all: readonly Limit[]; readonly isPartial: boolean }> {
  if (organisationId !== "") {
    return { all: await limits.readLimits(organisationId), isPartial: false };
  }
  const ids = await findOrganisations(books.database, organisationsMax + 1);
  const looked = ids.slice(0, organisationsMax);
  const own = await findLimitsOf(books.database, looked);
  const all = looked.flatMap((id) => limits.completed(id, own.get(id) ?? []));
  return { all, isPartial: ids.length > organisationsMax };
}

interface RankedLoad {
  /** 1 is full. */
  readonly part: number;
  readonly wire: MessageInit<Load>;
}

function loadOfLimit({ limit, used, resetMs }: LimitLoad, nowMs: number): RankedLoad {
  return {
    part: limit.amount === 0 ? 1 : used / limit.amount,
    wire: {
      of: { case: "limit", value: limitToWire(limit, nowMs) },
      used: BigInt(Math.ceil(used)),
      resetsAtMs: resetMs === 0 ? 0n : BigInt(Math.ceil(nowMs + resetMs)),
    },
  };
}

function loadOfBudget(budget: RunningBudget, nowMs: number): RankedLoad {
  const used = budget.spentNanos + budget.heldNanos;
  const { inForceNanos, span, currency } = budget;
  return {
    part: inForceNanos === 0n ? 1 : Number((used * 1_000_000n) / inForceNanos) / 1_000_000,
    wire: {
      of: { case: "budget", value: budgetToWire(budget, nowMs) },
      used,
      resetsAtMs: BigInt(span.endsAtMs),
      currency,
    },
  };
}
