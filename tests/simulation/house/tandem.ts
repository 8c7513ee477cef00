import { loadConfig } from "@tandem/libs/config";
import { formApiKey, hashApiKey } from "@tandem/libs/gateway";
import { networkPort } from "@tandem/libs/http";
import {
  createLifecycle,
  parseReplicaName,
  type Replica,
  type ReplicaName,
  serveRpc,
} from "@tandem/libs/service";
import { hotStorePort } from "@tandem/libs/store/hot";
import type { Log } from "@tandem/libs/telemetry";
import { type SeededRandom, seededRandom } from "@tandem/libs/testing";
import { diskPort } from "@tandem/libs/world";
import { configSchema as gatewayConfig } from "../../../gateways/ai/config.ts";
import { run as runGateway } from "../../../gateways/ai/run.ts";
import { configSchema as routerConfig } from "../../../router/config.ts";
import { run as runRouter } from "../../../router/run.ts";
import type { Limit } from "../../../services/quota/core/limit.ts";
import { type History, newHistory } from "../history.ts";
import { SimulatedDisk } from "../world/disk.ts";
import { SimulatedHotStore } from "../world/hot-store.ts";
import { networkFor } from "../world/http-network.ts";
import { simulatedLog } from "../world/log.ts";
import { Machine, SimulatedProcess } from "../world/machine.ts";
import { SimulatedNetwork } from "../world/network.ts";
import { Scheduler } from "../world/scheduler.ts";
import { pepper, simulatedSite, topology } from "../world/site.ts";
import { AuthBooks } from "./auth-books.ts";
import { SimulatedDatabase } from "./database.ts";
import { QuotaBooks } from "./quota-books.ts";
import { startQuota } from "./quota-service.ts";
import { shelfServices, startAnalytics, startAuth } from "./services.ts";
import { SimulatedUpstream } from "./upstream.ts";

export interface TandemOptions {
  readonly seed: number;
  /** Settings of the `ai` gateways, as in the configuration file. */
  readonly gateway?: Readonly<Record<string, unknown>>;
  readonly router?: Readonly<Record<string, unknown>>;
  readonly walletNanos?: bigint;
  readonly limits?: readonly Limit[];
  /** Wall clocks may be wrong by this much, milliseconds. */
  readonly skewMs?: number;
  readonly trace?: (line: string) => void;
}

export interface IssuedKey {
  readonly key: string;
  readonly keyId: string;
  readonly organisationId: string;
}

const priceNanos = 1_000_000_000n;
export const upstreamNames = ["primary-1", "primary-2", "standby-1"] as const;
/** What a lease is worth without another answer: a short time, and the production's. */
const leaseValidMs = [5_000, 90_000] as const;

/**
 * A small Tandem in one simulated world: two routers and two `ai` gateways as `run` starts them,
 * with replicas of quota and auth, a consumer of usage, stores, and models.
 */
export class SimulatedTandem {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly hotStore: SimulatedHotStore;
  readonly history: History = newHistory();
  readonly quotaDatabase: SimulatedDatabase;
  readonly authDatabase: SimulatedDatabase;
  readonly usageDatabase: SimulatedDatabase;
  readonly quota: QuotaBooks;
  readonly auth: AuthBooks;
  readonly upstreams = new Map<string, SimulatedUpstream>();
  readonly machines = new Map<string, Machine>();
  readonly replicas = new Map<string, Replica>();
  /** Of the consumer of usage: events that it has had. */
  readonly inbox = new Set<string>();
  readonly #options: TandemOptions;
  readonly #log: Log;

  constructor(options: TandemOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    const nowMs = (): number => this.scheduler.nowMs;
    this.network = new SimulatedNetwork(this.scheduler, this.fork());
    this.quotaDatabase = new SimulatedDatabase(this.fork());
    this.authDatabase = new SimulatedDatabase(this.fork());
    this.usageDatabase = new SimulatedDatabase(this.fork());
    const validMs = leaseValidMs[options.seed % 2] ?? 0;
    const times = { validMs, graceMs: 5_000, requestMs: 660_000 };
    this.quota = new QuotaBooks({ history: this.history, times, nowMs });
    this.auth = new AuthBooks(this.history, nowMs);
    this.history.limits.push(...(options.limits ?? []));
    this.#log = simulatedLog((line) => this.trace(line));
    this.hotStore = new SimulatedHotStore(this.#begin("redis-1"), this.fork());
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  trace(line: string): void {
    this.#options.trace?.(`${this.scheduler.nowMs.toFixed(2).padStart(10)} ${line}`);
  }

  /** Randomness of its own for a part, so that a change in one part leaves the others alone. */
  fork(): SeededRandom {
    return seededRandom(this.random.integer(2 ** 32));
  }

  async start(): Promise<void> {
    await this.hotStore.start();
    for (const name of upstreamNames) this.startUpstream(name);
    for (const { name } of topology.processes) this.startProcess(name);
    await this.scheduler.runUntil(this.scheduler.nowMs + 1_500);
  }

  machine(name: string): Machine {
    const known = this.machines.get(name);
    if (known !== undefined) return known;
    const skewMs = (this.random.fraction() - 0.5) * 2 * (this.#options.skewMs ?? 0);
    const disk = new SimulatedDisk(this.fork());
    const monotonicOffsetMs = this.random.integer(1_000_000);
    const machine = new Machine(name, { disk, monotonicOffsetMs, skewMs });
    this.machines.set(name, machine);
    return machine;
  }

  #begin(name: string): SimulatedProcess {
    const machine = this.machine(name);
    const process = new SimulatedProcess(machine, {
      scheduler: this.scheduler,
      random: this.fork(),
      ports: (own) =>
        new Map<object, unknown>([
          [networkPort, networkFor(this.network, own)],
          [diskPort, machine.disk.for(own)],
          [hotStorePort, this.hotStore?.for(own)],
        ]) as never,
    });
    machine.process = process;
    process.onEnd(() => machine.disk.killed(process));
    return process;
  }

  /** A process without a replica: clients, and the like. */
  beginProcess(name: string): SimulatedProcess {
    return this.#begin(name);
  }

  startUpstream(name: string): void {
    if (this.machine(name).process !== undefined) return;
    const upstream = new SimulatedUpstream(this.#begin(name), this.fork());
    const former = this.upstreams.get(name);
    if (former !== undefined) Object.assign(upstream.mood, former.mood);
    this.upstreams.set(name, upstream);
    void upstream.start(`tcp:${name}:80`);
  }

  /** Starts what the topology puts into this process, on its machine and with its disk. */
  startProcess(name: string): void {
    const hosts = topology.processes.find((each) => each.name === name)?.hosts ?? [];
    if (this.machine(name).process !== undefined) return;
    const process = this.#begin(name);
    this.trace(`start ${name}`);
    for (const replica of hosts.map(parseReplicaName)) {
      this.#startReplica(replica, process).catch((error: unknown) => {
        // It could not start: its supervisor starts it again.
        this.trace(`${name} did not start: ${String(error)}`);
        process.kill();
        this.scheduler.after(300, () => this.startProcess(name));
      });
    }
  }

  async #startReplica(name: ReplicaName, process: SimulatedProcess): Promise<void> {
    const { gateway, router } = this.#options;
    const settings = name.deployable === "ai" ? gateway : router;
    const site = simulatedSite(name, { process, log: this.#log, settings });
    const shared = { site, process, history: this.history };
    const nowMs = (): number => this.scheduler.nowMs;
    const limits = this.#options.limits ?? [];
    switch (name.deployable) {
      case "router":
        this.replicas.set(name.id, await runRouter(loadConfig(routerConfig, site), site));
        break;
      case "ai":
        this.replicas.set(name.id, await runGateway(loadConfig(gatewayConfig, site), site));
        break;
      case "quota": {
        const own = { books: this.quota, database: this.quotaDatabase, limits, nowMs };
        await startQuota({ ...shared, ...own });
        break;
      }
      case "auth":
        await startAuth({ ...shared, books: this.auth, database: this.authDatabase });
        break;
      case "analytics":
        await startAnalytics({ ...shared, inbox: this.inbox, database: this.usageDatabase });
        break;
      default: {
        const service = shelfServices(process, this.#shelf())[name.deployable];
        if (service !== undefined) await serveRpc(site, createLifecycle(site), [service]);
      }
    }
  }

  #shelf() {
    const times = { firstTokenTimeoutMs: 4_000, idleTimeoutMs: 3_000, totalTimeoutMs: 60_000 };
    const upstreams = upstreamNames.map((name) => ({
      ...{ name, baseUrl: `http://${name}:80/v1`, profile: "vllm", enabled: true, state: "up" },
      role: name.startsWith("standby") ? "standby" : "primary",
      ...times,
    }));
    return { upstreams, models: ["paid"], priceNanos };
  }

  /** A key of an organisation with a wallet. */
  issueKey(number: number, organisationId = `org_${number}`): IssuedKey {
    const key = formApiKey("test", (length) => this.random.bytes(length));
    const keyId = `key_${number}`;
    const hash = Buffer.from(hashApiKey(key, pepper)).toString("hex");
    this.auth.addKey(hash, { keyId, projectId: "prj_1", scopes: ["inference"], organisationId });
    if (this.quota.balanceOf(`wallet:${organisationId}`) === 0n) {
      this.quota.grant(organisationId, this.#options.walletNanos ?? 10_000_000_000n);
    }
    return { key, keyId, organisationId };
  }

  kill(name: string): void {
    this.trace(`kill ${name}`);
    this.machine(name).process?.kill();
    for (const [id, replica] of this.replicas) {
      if (replica.address.includes(`/${name}/`)) this.replicas.delete(id);
    }
  }
}
