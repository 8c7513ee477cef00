import type { Settlement } from "../core/settlement.ts";
import { leaseWallet, releaseLeases, type WalletCall } from "../store/leases.ts";
import { settle } from "../store/settle.ts";
import { openTestBooks } from "./scenario.ts";

/** What a replica that is going to die is to do. */
export interface CrashScript {
  readonly url: string;
  readonly lease: WalletCall;
  readonly settlements: readonly Settlement[];
}

const mark = "bigint:";

/** As text for a command line; JSON has no integers of 64 bits. */
export function encodeScript(script: CrashScript): string {
  return JSON.stringify(script, (_, value: unknown) =>
    typeof value === "bigint" ? `${mark}${value}` : value,
  );
}

export function decodeScript(text: string): CrashScript {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  ) as CrashScript;
}

/** Leases, settles and gives the lease back, on one connection. */
export async function playScript({ url, lease, settlements }: CrashScript): Promise<void> {
  const books = openTestBooks(url, 1);
  try {
    await leaseWallet(books, lease);
    await settle(books, { holder: lease.holder, settlements });
    await releaseLeases(books, { holder: lease.holder, leaseIds: [lease.leaseId] });
  } finally {
    await books.database.destroy();
  }
}
