/**
 * More calls than can be carried, from a thread of its own: what the mock engines answer, and what
 * is measured here, must not wait for each other.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type PlainAnswer, plainClient, quantile } from "@tandem/libs/testing";
import { costOf } from "./answer-cost.ts";
import { pause } from "./waiting.ts";

/** How calls are started: so many at a time, so many a second whatever becomes of them, or in bursts. */
export type Pace =
  | { readonly kind: "workers"; readonly count: number }
  | { readonly kind: "open"; readonly perSecond: number }
  | { readonly kind: "bursts"; readonly size: number; readonly rounds: number };

export interface FloodOrder {
  readonly baseUrl: string;
  /** The keys that call, and the share that each has. */
  readonly callers: readonly { readonly apiKey: string; readonly share: number }[];
  readonly pace: Pace;
  readonly seconds: number;
  /** `mock-1` when absent. */
  readonly model?: string;
  /** Of each answer; 1 when absent. */
  readonly tokens?: number;
}

/** What became of one caller's calls. */
export interface CallerTally {
  asked: number;
  served: number;
  /** With a status and a time to come back. */
  refused: number;
  servedMs: number[];
  refusedMs: number[];
  /** How many were refused, by what they were told. */
  readonly why: Record<string, number>;
}

export interface FloodReport {
  readonly callers: readonly CallerTally[];
  /** Served before the flood's end, a second. */
  readonly goodput: number;
  /** Neither served nor refused with a time to come back. */
  readonly strange: readonly string[];
  readonly costNanos: bigint;
}

export async function flood(order: FloodOrder): Promise<FloodReport> {
  const worker = new Worker(new URL(import.meta.url), { workerData: order });
  const [report] = (await once(worker, "message")) as [FloodReport];
  return report;
}

export function sumOf({ callers }: FloodReport, what: "asked" | "served" | "refused"): number {
  return callers.reduce((sum, caller) => sum + caller[what], 0);
}

/** In milliseconds, of all that are given; 0 of none. */
export function quantileOfAll(times: readonly (readonly number[])[], share: number): number {
  return quantile(
    times.flat().sort((left, right) => left - right),
    share,
  );
}

class Flood {
  readonly #order: FloodOrder;
  readonly #clients: readonly ReturnType<typeof plainClient>[];
  readonly #tallies: readonly CallerTally[];
  readonly #strange: string[] = [];
  #costNanos = 0n;
  #started = 0;

  constructor(order: FloodOrder) {
    this.#order = order;
    const { baseUrl, callers } = order;
    this.#clients = callers.map(({ apiKey }) =>
      plainClient({ baseUrl, apiKey, attempts: 1, connections: 2_000 }),
    );
    this.#tallies = callers.map(() => ({
      ...{ asked: 0, served: 0, refused: 0, servedMs: [], refusedMs: [], why: {} },
    }));
  }

  async run(): Promise<FloodReport> {
    const { pace, seconds } = this.#order;
    const startMs = performance.now();
    const endMs = startMs + seconds * 1_000;
    if (pace.kind === "open") await this.#open(pace.perSecond, endMs);
    else if (pace.kind === "workers") await this.#work(pace.count, endMs);
    else for (let at = 0; at < pace.rounds; at += 1) await this.#burst(pace.size);
    const tookSeconds = pace.kind === "bursts" ? (performance.now() - startMs) / 1_000 : seconds;
    const goodput = this.#served() / tookSeconds;
    await Promise.all(this.#underWay);
    for (const client of this.#clients) client.close();
    return {
      ...{ callers: this.#tallies, goodput, strange: this.#strange },
      costNanos: this.#costNanos,
    };
  }

  readonly #underWay = new Set<Promise<void>>();

  async #open(perSecond: number, endMs: number): Promise<void> {
    const startMs = performance.now();
    for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
      const due = ((nowMs - startMs) / 1_000) * perSecond;
      while (this.#started < due) {
        const call = this.#one().finally(() => this.#underWay.delete(call));
        this.#underWay.add(call);
      }
      await pause(5);
    }
  }

  async #work(count: number, endMs: number): Promise<void> {
    const worker = async (): Promise<void> => {
      while (performance.now() < endMs) await this.#one();
    };
    await Promise.all(Array.from({ length: count }, worker));
  }

  async #burst(size: number): Promise<void> {
    await Promise.all(Array.from({ length: size }, () => this.#one()));
  }

  #served(): number {
    return this.#tallies.reduce((sum, { served }) => sum + served, 0);
  }

  /** Callers take turns as their shares have it: in any hundred calls each has its part. */
  #callerOf(number: number): number {
    const place = ((number * 37) % 100) / 100;
    let sum = 0;
    const found = this.#order.callers.findIndex(({ share }) => {
      sum += share;
      return place < sum - 1e-9;
    });
    return Math.max(0, found);
  }

  async #one(): Promise<void> {
    this.#started += 1;
    const at = this.#callerOf(this.#started);
    const [client, tally] = [this.#clients[at], this.#tallies[at]];
    if (client === undefined || tally === undefined) return;
    tally.asked += 1;
    const content = `flood ${performance.timeOrigin} ${this.#started}`;
    const answer = await client.call("POST", "/chat/completions", {
      ...{ model: this.#order.model ?? "mock-1", max_tokens: this.#order.tokens ?? 1 },
      messages: [{ role: "user", content }],
    });
    this.#costNanos += costOf(answer.text);
    if (answer.status === 200 && answer.isComplete) {
      tally.served += 1;
      tally.servedMs.push(answer.tookMs);
    } else if (isClearRefusal(answer)) {
      tally.refused += 1;
      tally.refusedMs.push(answer.tookMs);
      const [, message = "none"] = /"message":"([^."]+)/.exec(answer.text) ?? [];
      tally.why[message] = (tally.why[message] ?? 0) + 1;
    } else this.#strange.push(`${answer.status} ${answer.error ?? answer.text.slice(0, 80)}`);
  }
}

function isClearRefusal({ status, headers }: PlainAnswer): boolean {
  return (status === 429 || status === 503) && headers["retry-after"] !== undefined;
}

if (!isMainThread && parentPort !== null) {
  parentPort.postMessage(await new Flood(workerData as FloodOrder).run());
}
