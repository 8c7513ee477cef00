import { create, toBinary } from "@bufbuild/protobuf";
import { UsageBatchSchema, type UsageFact } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { type Executor, enqueueEvent } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import type { Booking, Settlement } from "../core/settlement.ts";
import type { Books } from "./books.ts";
import type { GiveBack } from "./give-backs.ts";

export const usageTopic = "usage.recorded.v1";

/**
 * What a transaction settled, on its way to analytics in one event: it leaves if and only if the
 * transaction commits, with what the ledger took and not with what was asked for. Told are counts
 * of refused calls, which the ledger has nothing of; the consumer knows a repeated one by its id.
 */
export async function enqueueUsage(
  tx: Executor,
  { world, tellsUsage }: Pick<Books, "world" | "tellsUsage">,
  usage: {
    readonly bookings: readonly Booking[];
    readonly told: readonly Settlement[];
    readonly nowMs: number;
  },
): Promise<void> {
  const { bookings, told, nowMs } = usage;
  if (!tellsUsage || bookings.length + told.length === 0) return;
  const facts = [
    ...bookings.map(({ settlement, fromHoldNanos, fromWalletNanos }) =>
      factOf(settlement, { chargedNanos: fromHoldNanos + fromWalletNanos, nowMs }),
    ),
    ...told.map((settlement) => factOf(settlement, { chargedNanos: 0n, nowMs })),
  ];
  const payload = toBinary(UsageBatchSchema, create(UsageBatchSchema, { facts }));
  await enqueueEvent(tx, { id: newId(world, "evt"), topic: usageTopic, payload });
}

/**
 * What was given back, as corrections of the facts that told too much. In an event of their own: a
 * version of the consumer that cannot read them keeps nothing else waiting.
 */
export async function enqueueCorrections(
  tx: Executor,
  { world, tellsUsage }: Pick<Books, "world" | "tellsUsage">,
  { giveBacks, nowMs }: { readonly giveBacks: readonly GiveBack[]; readonly nowMs: number },
): Promise<void> {
  if (!tellsUsage || giveBacks.length === 0) return;
  const facts = giveBacks.map(({ by, givenBack }) => {
    const { settlementId, nanos, ...tokens } = givenBack;
    return {
      ...factOf(by, { chargedNanos: -nanos, nowMs }),
      ...tokens,
      upstreamNanos: 0n,
      id: `${settlementId}+back`,
      corrects: settlementId,
    };
  });
  const payload = toBinary(UsageBatchSchema, create(UsageBatchSchema, { facts }));
  await enqueueEvent(tx, { id: newId(world, "evt"), topic: usageTopic, payload });
}

function factOf(
  settlement: Settlement,
  { chargedNanos, nowMs }: { readonly chargedNanos: bigint; readonly nowMs: number },
): MessageInit<UsageFact> {
  const { requestId, leaseId: _, reservedNanos: _reserved, isRest, detail, ...told } = settlement;
  return {
    ...told,
    ...(detail !== undefined && {
      endpoint: detail.endpoint,
      status: detail.status,
      durationMs: detail.durationMs,
      firstTokenMs: detail.firstTokenMs,
      stream: detail.stream,
      upstreamKnown: detail.upstreamKnown,
      inputPrice: detail.inputPrice,
      cachedInputPrice: detail.cachedInputPrice,
      outputPrice: detail.outputPrice,
    }),
    id: requestId,
    requests: detail?.requests || 1,
    rest: isRest === true,
    chargedNanos,
    atMs: BigInt(settlement.atMs),
    settledAtMs: BigInt(nowMs),
  };
}
