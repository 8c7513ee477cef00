/** The books as the management plane tells them, for houses whose database is the product's own. */
import { parseNanos } from "@tandem/libs/kernel";
import type { Tandem } from "@tandem/libs/testing";
import { z } from "zod";
import { pause } from "./waiting.ts";

const ledgerSchema = z.object({ ok: z.boolean(), sum_nanos: z.string() });
const walletSchema = z.object({ total: z.object({ amount: z.string() }) });

/** Usage is settled in batches and replayed from journals: the credit once it stands still. */
export async function settledCredit(tandem: Tandem): Promise<bigint> {
  let lastNanos = -1n;
  for (let same = 0; same < 10; ) {
    const { total } = walletSchema.parse(await readManagement(tandem, "/wallet"));
    const nanos = parseNanos(total.amount);
    same = nanos === lastNanos ? same + 1 : 0;
    lastNanos = nanos;
    await pause(150);
  }
  return lastNanos;
}

/** Every balance follows from the transfers, and all sum up to nothing. */
export async function isLedgerSound(tandem: Tandem): Promise<boolean> {
  const { ok, sum_nanos } = ledgerSchema.parse(await readManagement(tandem, "/ledger/verify"));
  return ok && sum_nanos === "0";
}

async function readManagement(tandem: Tandem, path: string): Promise<unknown> {
  const response = await fetch(tandem.adminUrl + path, {
    headers: { authorization: `Bearer ${tandem.adminKey}` },
  });
  return response.json();
}
