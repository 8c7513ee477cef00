/** The wallet, credit and the ledger behind them. */
import type { Anomaly, Balance, Spending, Transfer } from "@tandem/contracts/rpc/quota/v1/quota_pb";
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

const spending = z
  .object({
    last_day: moneyField,
    last_week: moneyField,
    this_month: moneyField,
    burn_per_day: moneyField.meta({
      description: "By the last seven days, or as many as there were.",
    }),
    days_left: z.number().nullable().meta({
      description: "How long the credit lasts at that; null when nothing is spent.",
    }),
    month_end: moneyField.meta({ description: "What this month comes to if it goes on so." }),
    lots: z
      .array(
        z.object({
          id: z.string(),
          kind: z.string(),
          granted: moneyField,
          remaining: moneyField,
          expires_at: timeField.nullable(),
          reason: z.string(),
          created_at: timeField.nullable(),
        }),
      )
      .meta({ description: "What the credit is made of, in the order in which it is used." }),
  })
  .meta({ id: "Spending" });

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
    summary: "Read the organisation's credit, how fast it goes, and how long it lasts.",
    tag: "Money",
    access: { permission: "wallet:read" },
    reply: wallet.extend({ spending }).meta({ id: "WalletWithSpending" }),
    async handle(call, { quota }) {
      const { organisationId } = call.caller.claims;
      const [balance, spent] = await Promise.all([
        quota.getBalance({ organisationId }, asCaller(call)),
        quota.getSpending({ organisationId }, asCaller(call)),
      ]);
      const body = walletFromBalance(balance);
      return { body: { ...body, spending: spendingBody(spent, body.total.currency) } };
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

const dayMs = 86_400_000;

function spendingBody(message: Spending, currency: string): z.input<typeof spending> {
  const money = (nanos: bigint) => moneyOf(nanos, currency);
  const { lastsMs } = message;
  return {
    last_day: money(message.dayNanos),
    last_week: money(message.weekNanos),
    this_month: money(message.monthNanos),
    burn_per_day: money(message.burnPerDayNanos),
    days_left: lastsMs === undefined ? null : Math.round((Number(lastsMs) / dayMs) * 10) / 10,
    month_end: money(message.monthEndNanos),
    lots: message.lots.map((lot) => ({
      id: lot.id,
      kind: lot.kind,
      granted: money(lot.grantedNanos),
      remaining: money(lot.remainingNanos),
      expires_at: timeOf(lot.expiresAtMs),
      reason: lot.reason,
      created_at: timeOf(lot.createdAtMs),
    })),
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
