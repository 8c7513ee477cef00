/** What must be true of the books once every service is back. */
import { parseNanos } from "@tandem/libs/kernel";
import type { LoadReport, Tandem } from "@tandem/libs/testing";
import { ask } from "./outage-pacer.ts";

export interface BooksReport {
  /** Everything that is lost, doubled or does not add up; empty when nothing is. */
  readonly wrong: readonly string[];
  readonly settlements: number;
  readonly orders: number;
}

/** What was answered to those who ordered. */
export interface OrderAnswers {
  readonly ids: string[];
  /** Neither 201 nor 202: made or not, nobody was told. */
  unanswered: number;
}

type Row = Readonly<Record<string, unknown>>;

const patienceMs = 60_000;
const stableMs = 1_500;

/** The wallet's credit once it stands still: usage is settled in batches and from journals. */
export async function walletNanos(tandem: Tandem): Promise<bigint> {
  let last = -1n;
  for (let sinceMs = performance.now(); performance.now() - sinceMs < stableMs; ) {
    const { body } = await ask(tandem, { path: "/api/v1/wallet" });
    const nanos = parseNanos(String((body["total"] as Row | undefined)?.["amount"] ?? "0"));
    if (nanos !== last) sinceMs = performance.now();
    last = nanos;
    await pause(100);
  }
  return last;
}

export async function checkBooks(
  tandem: Tandem,
  given: {
    readonly startNanos: bigint;
    readonly loads: readonly LoadReport[];
    readonly orders: OrderAnswers;
  },
): Promise<BooksReport> {
  const orders = await ordersMadeOnce(tandem, given.orders);
  const told = given.loads.reduce((sum, { costNanos }) => sum + costNanos, 0n);
  const spent = await spentSince(tandem, given.startNanos, told);
  const isExact = given.loads.every(({ failures, retried }) => failures.length + retried === 0);
  const settlements = await settlementsOf(tandem);
  const facts = await factsLike(tandem, settlements);
  const { body: ledger } = await ask(tandem, { path: "/api/v1/ledger/verify" });
  const checks: readonly (readonly [wrong: boolean, text: string])[] = [
    [ledger["ok"] !== true || ledger["sum_nanos"] !== "0", "the ledger does not add up"],
    [spent < told, `${told - spent} nanos of answers were not charged`],
    [isExact && spent > told, `${spent - told} nanos were charged beyond the answers`],
  ];
  return {
    wrong: [...checks.flatMap(([wrong, text]) => (wrong ? [text] : [])), ...facts, ...orders],
    settlements: settlements.size,
    orders: given.orders.ids.length,
  };
}

/** What has left the wallet; waits for settlements whose gateway is still being patient. */
async function spentSince(tandem: Tandem, startNanos: bigint, toldNanos: bigint): Promise<bigint> {
  const giveUpMs = performance.now() + patienceMs;
  for (;;) {
    const spent = startNanos - (await walletNanos(tandem));
    if (spent >= toldNanos || performance.now() > giveUpMs) return spent;
  }
}

/** What the ledger took, by settlement, and what it gave back. */
async function settlementsOf(tandem: Tandem): Promise<ReadonlyMap<string, bigint>> {
  const taken = new Map<string, bigint>();
  for await (const row of rowsOf(tandem, "/api/v1/ledger/transfers?limit=100")) {
    const isBack = row["kind"] === "give_back";
    if (row["kind"] !== "settlement" && !isBack) continue;
    const nanos = parseNanos(String((row["amount"] as Row)["amount"]));
    const id = isBack ? `${row["reference"]}+back` : String(row["reference"]);
    taken.set(id, (taken.get(id) ?? 0n) + (isBack ? -nanos : nanos));
  }
  return taken;
}

/** Usage facts are to be the ledger's settlements, each once; waits for those under way. */
async function factsLike(
  tandem: Tandem,
  settlements: ReadonlyMap<string, bigint>,
): Promise<readonly string[]> {
  const giveUpMs = performance.now() + patienceMs;
  for (;;) {
    const wrong = compareFacts(await factsOf(tandem), settlements);
    if (wrong.length === 0 || performance.now() > giveUpMs) return wrong;
    await pause(250);
  }
}

async function factsOf(tandem: Tandem): Promise<readonly Row[]> {
  const { origin, adminKey } = tandem;
  const from = new Date(Date.now() - 86_400_000).toISOString();
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const response = await fetch(
    `${origin}/api/v1/usage/export?format=ndjson&from=${from}&until=${until}`,
    { headers: { authorization: `Bearer ${adminKey}` } },
  );
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Row);
}

function compareFacts(
  facts: readonly Row[],
  settlements: ReadonlyMap<string, bigint>,
): readonly string[] {
  const costs = new Map<string, bigint>();
  const wrong: string[] = [];
  for (const fact of facts) {
    const id = String(fact["id"]);
    const cost = parseNanos(String(fact["cost"]));
    if (costs.has(id)) wrong.push(`${id} is there twice`);
    if (cost !== 0n) costs.set(id, cost);
  }
  for (const [id, nanos] of settlements) {
    if (costs.get(id) !== nanos) wrong.push(`${id} took ${nanos}, its fact says ${costs.get(id)}`);
  }
  if (costs.size !== settlements.size) {
    wrong.push(`${costs.size} charged facts of ${settlements.size} settlements`);
  }
  return wrong.slice(0, 5);
}

/** Each order that was answered exists, those that were queued too, and no other one does. */
async function ordersMadeOnce(
  tandem: Tandem,
  { ids, unanswered }: OrderAnswers,
): Promise<readonly string[]> {
  const giveUpMs = performance.now() + patienceMs;
  for (;;) {
    const made: string[] = [];
    for await (const { id } of rowsOf(tandem, "/api/v1/orders?limit=100")) made.push(String(id));
    const missing = ids.filter((id) => !made.includes(id)).length;
    const beyond = made.length - ids.length - unanswered;
    if (missing === 0 && beyond <= 0) return [];
    if (performance.now() > giveUpMs) {
      return [`of ${ids.length} orders ${missing} were not made, ${beyond} twice`];
    }
    await pause(250);
  }
}

async function* rowsOf(tandem: Tandem, path: string): AsyncGenerator<Row> {
  for (let after = ""; ; ) {
    const { status, body } = await ask(tandem, { path: `${path}${after}` });
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    yield* body["data"] as Row[];
    if (body["has_more"] !== true) return;
    after = `&after=${String(body["last_id"])}`;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
