/**
 * Both replicas of one service killed and kept down under load, for each service of the access and
 * business domains in turn: what its gateway's fallback answered meanwhile, whether the other
 * domain and the chats noticed, and whether anything was lost or doubled when it was back.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type LoadOptions,
  type LoadReport,
  mockEngine,
  quantile,
  type RunningProcess,
  startLoad,
  startTandem,
  type Tandem,
} from "@tandem/libs/testing";
import { type BooksReport, checkBooks, type OrderAnswers, walletNanos } from "./outage-books.ts";
import { ask, type Pacer, type Reading, startPacer } from "./outage-pacer.ts";
import {
  domainOf,
  isSeen,
  type Judge,
  otherDomain,
  type Question,
  questionsOf,
  readsOf,
  type Service,
  services,
  untouched,
} from "./outage-probes.ts";
import { writeApartTopology } from "./outage-topology.ts";

/** The product, each service of both domains in processes of its own. */
export interface OutageHouse {
  readonly tandem: Tandem;
  /** Tells what was left behind. */
  close(): Promise<readonly RunningProcess[]>;
}

export interface OutageOptions {
  /** How long each service is kept down, and how long is measured before that. */
  readonly seconds: number;
  readonly controlSeconds: number;
  readonly load: Pick<LoadOptions, "callsPerSecond" | "streams" | "streamTokens">;
  /** All six when absent. */
  readonly services?: readonly Service[];
  readonly tell?: (line: string) => void;
}

/** Answers of one kind, their times in milliseconds. */
export interface Answers {
  readonly asked: number;
  /** Rising. */
  readonly times: readonly number[];
  readonly wrong: readonly string[];
  readonly msP50: number;
  readonly msP99: number;
  readonly msMax: number;
  /** What took the longest. */
  readonly slowest: string;
}

export interface ServiceOutage {
  readonly service: Service;
  readonly downMs: number;
  /** Of the fallback, while both replicas were gone. */
  readonly fallback: Answers;
  /** Of the other domain, before the kill and while both replicas were gone. */
  readonly otherBefore: Answers;
  readonly other: Answers;
  readonly chatsBefore: LoadReport;
  /** From before the kill until the service was back. */
  readonly chats: LoadReport;
  /** From the order to start until both were ready. */
  readonly readyMs: number;
  /** And from then until every read of the domain was fresh again. */
  readonly backMs: number;
}

export interface OutageRun {
  readonly outages: readonly ServiceOutage[];
  readonly books: BooksReport;
}

const ownPerSecond = 6;
const otherPerSecond = 24;
const warmupMs = 500;
const patienceMs = 60_000;
/** An answer that began so shortly before the start may have been given by a service that is back. */
const startMarginMs = 500;

export async function openOutageHouse(): Promise<OutageHouse> {
  const folder = mkdtempSync(join(tmpdir(), "tandem-apart-"));
  const engine = await mockEngine({ profile: "vllm", tokensPerSecond: 25 });
  const upstreams = [{ name: "mock", profile: "vllm", baseUrl: engine.baseUrl }];
  const targets = [{ upstream: "mock", model: "mock-1" }];
  const price = { inputPerMillion: "1", outputPerMillion: "2" };
  const products = [{ key: "ten", name: "Ten", price: "10", credit: "12" }];
  const tandem = await startTandem({
    topology: writeApartTopology(folder),
    settings: {
      inference: { upstreams },
      models: { models: [{ id: "mock-1", contextTokens: 32_768, price, targets }] },
      // Each call holds the price of the longest answer; a slice is to be enough for all of them.
      access: { setup: { initialCredit: "9999" } },
      orders: { products, payments: { openOrdersMax: 10_000 } },
    },
    patienceMs: 120_000,
  });
  return {
    tandem,
    async close() {
      const { leftovers } = await tandem.stop();
      await engine.close();
      rmSync(folder, { recursive: true, force: true });
      return leftovers;
    },
  };
}

export async function serviceOutages(
  { tandem }: Pick<OutageHouse, "tandem">,
  options: OutageOptions,
): Promise<OutageRun> {
  const { tell = () => undefined } = options;
  const packs = await ask(tandem, { path: "/api/v1/packs" });
  const packId = String((packs.body["data"] as { id: string }[])[0]?.id);
  const startNanos = await walletNanos(tandem);
  const outages: ServiceOutage[] = [];
  const orders: OrderAnswers = { ids: [], unanswered: 0 };
  // What is slow because nobody has asked it yet is nothing that an outage should be measured by.
  const warmUps: LoadReport[] = [];
  for (const service of ["auth", "orders"] as const) {
    warmUps.push(await new Outage(tandem, service, []).warmUp(options));
  }
  for (const service of options.services ?? services) {
    tell(`both replicas of ${service} are gone for ${options.seconds} s`);
    const outage = new Outage(tandem, service, questionsOf(service, packId));
    outages.push(await outage.run(options));
    outage.noteOrders(orders);
  }
  const loads = outages.flatMap(({ chatsBefore, chats }) => [chatsBefore, chats]);
  loads.push(...warmUps);
  return { outages, books: await checkBooks(tandem, { startNanos, loads, orders }) };
}

/** One service's outage, from the measurement before it until everything is as it was. */
class Outage {
  readonly #tandem: Tandem;
  readonly #service: Service;
  readonly #questions: readonly Question[];
  #own: Pacer | undefined;
  #asked: readonly Reading[] = [];
  #other: Pacer | undefined;

  constructor(tandem: Tandem, service: Service, questions: readonly Question[]) {
    this.#tandem = tandem;
    this.#service = service;
    this.#questions = questions;
  }

  async run(options: OutageOptions): Promise<ServiceOutage> {
    const before = await this.#measureBefore(options);
    for (const { probe } of this.#questions.filter(isSeen)) await ask(this.#tandem, probe);
    this.#open();
    const load = this.#load(options);
    await pause(warmupMs);
    const killedMs = performance.now();
    await this.#kill();
    const deadMs = performance.now();
    const asking = startPacer({
      ...{ tandem: this.#tandem, perSecond: ownPerSecond },
      probes: this.#questions.map(({ probe }) => probe),
    });
    await pause(options.seconds * 1_000 - (deadMs - killedMs));
    const startMs = performance.now();
    await this.#start();
    const readyMs = performance.now() - startMs;
    await this.#back();
    const backMs = performance.now() - startMs - readyMs;
    await Promise.all([this.#close(), asking.stop()]);
    const chats = await load.stop();
    this.#asked = asking.between(deadMs, performance.now());
    const own = asking.between(deadMs, startMs - startMarginMs);
    const around = this.#own?.between(0, performance.now());
    return {
      ...{ service: this.#service, downMs: startMs - deadMs, readyMs, backMs, ...before, chats },
      fallback: answersOf(own, (reading) => this.#judgeOwn(reading, killedMs), around),
      other: answersOf(
        this.#other?.between(killedMs, startMs) ?? [],
        this.#judgeOther(killedMs),
        this.#other?.between(startMs, performance.now()),
      ),
    };
  }

  /** Asks as it does before an outage, and measures nothing. */
  async warmUp(options: OutageOptions): Promise<LoadReport> {
    return (await this.#measureBefore(options)).chatsBefore;
  }

  async #measureBefore(options: OutageOptions) {
    this.#open();
    const load = this.#load(options);
    await pause(warmupMs);
    const fromMs = performance.now();
    await pause(options.controlSeconds * 1_000);
    const untilMs = performance.now();
    await this.#close();
    const chatsBefore = await load.stop();
    const readings = this.#other?.between(fromMs, untilMs) ?? [];
    return { otherBefore: answersOf(readings, this.#judgeOther(fromMs)), chatsBefore };
  }

  #open(): void {
    const tandem = this.#tandem;
    const own = readsOf[domainOf(this.#service)].map((path) => ({ path }));
    const others = readsOf[otherDomain(domainOf(this.#service))].map((path) => ({ path }));
    this.#own = startPacer({ tandem, perSecond: ownPerSecond, probes: own });
    this.#other = startPacer({ tandem, perSecond: otherPerSecond, probes: others });
  }

  async #close(): Promise<void> {
    await Promise.all([this.#own?.stop(), this.#other?.stop()]);
  }

  #load({ load, tell = () => undefined }: OutageOptions) {
    const { baseUrl, apiKey } = this.#tandem;
    return startLoad({
      ...{ ...load, baseUrl, apiKey, model: "mock-1" },
      onFailure: ({ kind, what, status, detail }) =>
        tell(`  ${kind} ${what}: status ${status} ${JSON.stringify(detail.slice(-200))}`),
    });
  }

  get #names(): readonly string[] {
    return [`${this.#service}-1`, `${this.#service}-2`];
  }

  /** kill -9 both, and tell the supervisor at once not to replace them. */
  async #kill(): Promise<void> {
    await Promise.all(this.#names.map((name) => this.#tandem.kill(name)));
    await Promise.all(this.#names.map((name) => this.#tandem.control(`stop/${name}`)));
    await this.#until("stopped");
  }

  async #start(): Promise<void> {
    await Promise.all(this.#names.map((name) => this.#tandem.control(`start/${name}`)));
    await this.#until("ready");
  }

  async #back(): Promise<void> {
    const giveUpMs = performance.now() + patienceMs;
    for (const path of readsOf[domainOf(this.#service)]) {
      for (;;) {
        const { status, marks } = await ask(this.#tandem, { path });
        if (status === 200 && marks === "") break;
        if (performance.now() > giveUpMs) throw new Error(`${path} stays ${status} ${marks}`);
        await pause(25);
      }
    }
  }

  #until(state: string): Promise<void> {
    return this.#tandem.until(
      ({ processes }) =>
        processes.every((one) => !this.#names.includes(one.name) || one.state === state),
      patienceMs,
    );
  }

  #judgeOwn({ probe, answer, startedMs }: Reading, killedMs: number): string | undefined {
    const question = this.#questions.find((one) => one.probe === probe);
    // While it dies and comes back its own reads may be fresh, copies, or refused for the moment.
    if (question === undefined && ![200, 503, 504].includes(answer.status)) {
      return `status ${answer.status} around the outage`;
    }
    return question?.judge(answer, startedMs - killedMs);
  }

  #judgeOther(killedMs: number): (reading: Reading) => string | undefined {
    const judge: Judge = untouched(this.#service);
    return ({ answer, startedMs }) => judge(answer, startedMs - killedMs);
  }

  /** Every order that was posted before, while and after the service was away. */
  noteOrders(into: OrderAnswers): void {
    for (const { probe, answer } of this.#asked) {
      if (probe.path !== "/api/v1/orders" || probe.method !== "POST") continue;
      if (answer.status === 201 || answer.status === 202) into.ids.push(String(answer.body["id"]));
      else into.unanswered += 1;
    }
  }
}

/** `further` are judged as well, but their times are not counted. */
function answersOf(
  readings: readonly Reading[],
  judge: (reading: Reading) => string | undefined,
  further: readonly Reading[] = [],
): Answers {
  const times = readings.map(({ answer }) => answer.tookMs).sort((a, b) => a - b);
  const at = (share: number): number => quantile(times, share);
  const wrong = [...readings, ...further].flatMap((reading) => {
    const what = judge(reading);
    return what === undefined
      ? []
      : [`${reading.probe.method ?? "GET"} ${reading.probe.path}: ${what}`];
  });
  const slow = readings.find(({ answer }) => answer.tookMs === at(1));
  const slowest = slow === undefined ? "" : `${slow.probe.method ?? "GET"} ${slow.probe.path}`;
  const ms = { times, msP50: at(0.5), msP99: at(0.99), msMax: at(1) };
  return { asked: times.length, wrong, ...ms, slowest };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
