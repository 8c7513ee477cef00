import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { type Implementation, implement } from "@tandem/libs/rpc";
import type { Log, Metrics } from "@tandem/libs/telemetry";
import type { ChangeBoard } from "./change-board.ts";
import type { LimitBoard } from "./limit-board.ts";
import type { LimitDesk } from "./limit-desk.ts";
import { adoptLeasesOperation } from "./operations/adopt-leases.ts";
import { creditOrderOperation } from "./operations/credit-order.ts";
import { deleteBudgetOperation } from "./operations/delete-budget.ts";
import { deleteLimitOperation } from "./operations/delete-limit.ts";
import { getBalanceOperation } from "./operations/get-balance.ts";
import { getSpendingOperation } from "./operations/get-spending.ts";
import { grantCreditOperation } from "./operations/grant-credit.ts";
import { leaseLimitsOperation } from "./operations/lease-limits.ts";
import { leaseWalletOperation } from "./operations/lease-wallet.ts";
import { listAnomaliesOperation } from "./operations/list-anomalies.ts";
import { listBudgetWarningsOperation } from "./operations/list-budget-warnings.ts";
import { listBudgetsOperation } from "./operations/list-budgets.ts";
import { listLimitsOperation } from "./operations/list-limits.ts";
import { listLoadsOperation } from "./operations/list-loads.ts";
import { listTransfersOperation } from "./operations/list-transfers.ts";
import { raiseBudgetOperation, raiseLimitOperation } from "./operations/raise.ts";
import { releaseLeasesOperation } from "./operations/release-leases.ts";
import { setBudgetOperation } from "./operations/set-budget.ts";
import { setLimitOperation } from "./operations/set-limit.ts";
import { settleOperation } from "./operations/settle.ts";
import { takeBackCreditOperation } from "./operations/take-back-credit.ts";
import { verifyLedgerOperation } from "./operations/verify-ledger.ts";
import { watchChangesOperation } from "./operations/watch-changes.ts";
import type { Books } from "./store/books.ts";

/** The contract's operations, each bound to the parts it works with. */
export function buildHandlers(parts: {
  readonly books: Books;
  readonly board: ChangeBoard;
  readonly limits: LimitBoard;
  readonly desk: LimitDesk;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly nowMs: () => number;
  /** Of wallets that are opened without one being named. */
  readonly currency: string;
  readonly placesValidMs: number;
  readonly onUsage: () => void;
}): Implementation {
  const { books, board, metrics } = parts;
  const settled = metrics.counter({
    name: "tandem_settlements_total",
    help: "Settlements by what became of them: settled, refused, waiting.",
    labels: ["outcome"],
  });
  const warned = metrics.counter({
    name: "tandem_budget_warnings_total",
    help: "Thresholds of budgets that were reached, of soft and of hard ones.",
    labels: ["kind"],
  });
  const isVerifying = { value: false };
  const settling = { ...parts, settled, warned };
  const leasing = { ...parts, sequence: () => board.feed.version };
  return implement(QuotaService, {
    leaseLimits: (request, context) => leaseLimitsOperation(leasing, request, context),
    leaseWallet: (request, context) => leaseWalletOperation(books, request, context),
    adoptLeases: (request, context) => adoptLeasesOperation(books, request, context),
    releaseLeases: (request, context) => releaseLeasesOperation(books, request, context),
    settle: (request, context) => settleOperation(settling, request, context),
    watchChanges: (request, context) => watchChangesOperation({ books, board }, request, context),
    getBalance: (request, context) => getBalanceOperation(parts, request, context),
    getSpending: (request, context) => getSpendingOperation(books, request, context),
    grantCredit: (request, context) => grantCreditOperation(parts, request, context),
    creditOrder: (request, context) => creditOrderOperation(books, request, context),
    takeBackCredit: (request, context) => takeBackCreditOperation(books, request, context),
    listTransfers: (request, context) => listTransfersOperation(books, request, context),
    verifyLedger: (_, context) => verifyLedgerOperation({ books, isVerifying }, context),
    setLimit: (request, context) => setLimitOperation(books, request, context),
    deleteLimit: (request, context) => deleteLimitOperation(books, request, context),
    listLimits: (request, context) => listLimitsOperation(parts, request, context),
    setBudget: (request, context) => setBudgetOperation(parts, request, context),
    deleteBudget: (request, context) => deleteBudgetOperation(books, request, context),
    listBudgets: (request, context) => listBudgetsOperation(books, request, context),
    raiseLimit: (request, context) => raiseLimitOperation(books, request, context),
    raiseBudget: (request, context) => raiseBudgetOperation(books, request, context),
    listLoads: (request, context) => listLoadsOperation(parts, request, context),
    listBudgetWarnings: (request, context) => listBudgetWarningsOperation(books, request, context),
    listAnomalies: (request, context) => listAnomaliesOperation(books, request, context),
  });
}
