/** The wallet, credit and the ledger behind them. */
import type { Anomaly, Balance, Transfer } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import {
  amountInput,
  currencyField,
  idField,
  lineField,
  moneyField,
  moneyOf,
  pageOf,
  pageQuery,
  pageReply,
  timeField,
  timeInput,
  timeOf,
} from "@tandem/libs/gateway";
import { formatNanos } from "@tandem/libs/kernel";
import { z } from "zod";
import { asCaller, asPlatform, idempotencyKeyOf, recordIntent, route } from "./services.ts";

export const wallet = z
  .object({
    organisation_id: z.string(),
    total: moneyField,
    granted: moneyField,
    purchased: moneyField,
    held: moneyField.meta({ description: "Held by gateways for requests; part of the total." }),
    is_available: z.boolean(),
  })
  .meta({ id: "Wallet" });

const transfer = z
  .object({
    id: z.string(),
    debit_account: z.string(),
    credit_account: z.string(),
    amount: moneyField,
    kind: z.string(),
    reference: z.string(),
    note: z.string(),
    at: timeField.nullable(),
  })
  .meta({ id: "Transfer" });

const anomaly = z
  .object({
    id: z.string(),
    request_id: z.string(),
    kind: z.string(),
    asked: moneyField,
    charged: moneyField,
    detail: z.string(),
    at: timeField.nullable(),
  })
  .meta({ id: "Anomaly" });

const walletRoutes = [
  route({
    method: "GET",
    path: "/api/v1/wallet",
    operationId: "getWallet",
    summary: "Read the organisation's credit.",
    tag: "Money",
    access: { permission: "wallet:read" },
    reply: wallet,
    async handle(call, { quota }) {
      const { organisationId } = call.caller.claims;
      const balance = await quota.getBalance({ organisationId }, asCaller(call));
      return { body: walletFromBalance(balance) };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/credits",
    operationId: "grantCredit",
    summary: "Grant credit to an organisation, as the platform.",
    description: "Needs an Idempotency-Key: the same one grants once, however often it is sent.",
    tag: "Platform",
    access: { permission: "credits:write" },
    status: 201,
    idempotency: "required",
    body: z.strictObject({
      organisation_id: idField("org").optional().meta({ description: "Default: one's own." }),
      amount: amountInput,
      currency: currencyField.default("USD"),
      kind: z.enum(["granted", "purchased"]).default("granted"),
      expires_at: timeInput.optional(),
      reason: lineField({ min: 0, max: 200 }).default(""),
    }),
    reply: wallet,
    async handle(call, services) {
      const { amount, currency, kind, reason } = call.body;
      const organisationId = call.body.organisation_id ?? call.caller.claims.organisationId;
      // Nobody's wallet would be opened for a slip of the pen: throws for an unknown one.
      await services.users.getOrganisation({ id: organisationId }, asCaller(call));
      const after = { amount: formatNanos(amount), currency, kind, reason };
      const target = organisationId;
      await recordIntent(call, services, { action: "credit.granted", target, after });
      const balance = await services.quota.grantCredit(
        {
          organisationId,
          nanos: call.body.amount,
          currency: call.body.currency,
          kind: call.body.kind,
          expiresAtMs: call.body.expires_at ?? 0n,
          reason: call.body.reason,
          idempotencyKey: idempotencyKeyOf(call),
        },
        asCaller(call),
      );
      return { body: walletFromBalance(balance) };
    },
  }),
];

const ledgerRoutes = [
  route({
    method: "GET",
    path: "/api/v1/ledger/transfers",
    operationId: "listTransfers",
    summary: "List what moved between the organisation's accounts, newest first.",
    tag: "Money",
    access: { permission: "ledger:read" },
    query: pageQuery,
    reply: pageOf(transfer),
    async handle(call, { quota }) {
      const { organisationId } = call.caller.claims;
      const balance = await quota.getBalance({ organisationId }, asCaller(call));
      const { transfers, hasMore } = await quota.listTransfers(
        { organisationId, limit: call.query.limit, after: call.query.after },
        asCaller(call),
      );
      return pageReply({
        items: transfers.map((entry) => transferFromMessage(entry, balance.currency)),
        hasMore,
        cursorOf: (item) => item.id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/ledger/anomalies",
    operationId: "listAnomalies",
    summary: "List settlements that were refused or cut, for people to look at.",
    tag: "Money",
    access: { permission: "ledger:read" },
    query: pageQuery,
    reply: pageOf(anomaly),
    async handle(call, { quota }) {
      const { organisationId } = call.caller.claims;
      const balance = await quota.getBalance({ organisationId }, asCaller(call));
      const { anomalies, hasMore } = await quota.listAnomalies(
        { organisationId, limit: call.query.limit, after: call.query.after },
        asCaller(call),
      );
      return pageReply({
        items: anomalies.map((entry) => anomalyFromMessage(entry, balance.currency)),
        hasMore,
        cursorOf: (item) => item.id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/ledger/verify",
    operationId: "verifyLedger",
    summary: "Recompute every balance from the transfers.",
    description:
      "Of the whole platform, so the answer names nobody's accounts; what is wrong with which one " +
      "stands in the quota service's log.",
    tag: "Money",
    access: { permission: "ledger:read" },
    faults: ["quota.busy"],
    reply: z.object({
      ok: z.boolean(),
      sum_nanos: z.string().meta({ description: "Over all accounts; 0 unless something broke." }),
      problems: z.int(),
    }),
    async handle(call, { quota }) {
      const found = await quota.verifyLedger({}, asPlatform(call));
      const { ok, sumNanos, problems } = found;
      return { body: { ok, sum_nanos: sumNanos.toString(), problems: problems.length } };
    },
  }),
];

export const moneyRoutes = [...walletRoutes, ...ledgerRoutes];

/** An organisation that never had credit has no currency yet. */
const currencyOf = (currency: string): string => (currency === "" ? "USD" : currency);

export function walletFromBalance(balance: Balance): z.input<typeof wallet> {
  const currency = currencyOf(balance.currency);
  return {
    organisation_id: balance.organisationId,
    total: moneyOf(balance.totalNanos, currency),
    granted: moneyOf(balance.grantedNanos, currency),
    purchased: moneyOf(balance.purchasedNanos, currency),
    held: moneyOf(balance.heldNanos, currency),
    is_available: balance.isAvailable,
  };
}

function transferFromMessage(entry: Transfer, currency: string): z.input<typeof transfer> {
  return {
    id: entry.id,
    debit_account: entry.debitAccount,
    credit_account: entry.creditAccount,
    amount: moneyOf(entry.nanos, currencyOf(currency)),
    kind: entry.kind,
    reference: entry.reference,
    note: entry.note,
    at: timeOf(entry.atMs),
  };
}

function anomalyFromMessage(entry: Anomaly, currency: string): z.input<typeof anomaly> {
  return {
    id: entry.id,
    request_id: entry.requestId,
    kind: entry.kind,
    asked: moneyOf(entry.askedNanos, currencyOf(currency)),
    charged: moneyOf(entry.chargedNanos, currencyOf(currency)),
    detail: entry.detail,
    at: timeOf(entry.atMs),
  };
}
