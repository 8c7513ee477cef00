import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { assert, Fault } from "../../kernel/index.ts";
import type { Log } from "../../telemetry/index.ts";
import type { World } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";
import { redisScripts } from "./redis-scripts.ts";

const connectTimeoutMs = 1000;
const reconnectMsFirst = 25;
const reconnectMsMax = 500;
/** Pause between two looks at a server that fell silent. */
const probeMs = 50;

export interface RedisConnectionOptions {
  readonly world: World;
  readonly log: Log;
  /** How long one command may take, in milliseconds. */
  readonly commandTimeoutMs: number;
}

type ScriptName = keyof typeof redisScripts;
type FaultName = Exclude<keyof typeof storeFaults, "catalogue">;

const shas = Object.fromEntries(
  Object.entries(redisScripts).map(([name, lua]) => [
    name,
    createHash("sha1").update(lua).digest("hex"),
  ]),
);

/** By the first word of an error reply. */
const faultByReply: Readonly<Record<string, FaultName>> = {
  OOM: "full",
  NOAUTH: "misconfigured",
  WRONGPASS: "misconfigured",
  NOPERM: "misconfigured",
  CROSSSLOT: "misconfigured",
  LOADING: "unavailable",
  MASTERDOWN: "unavailable",
  CLUSTERDOWN: "unavailable",
  TRYAGAIN: "unavailable",
  BUSY: "unavailable",
  READONLY: "unavailable",
  NOREPLICAS: "unavailable",
  // It cannot save, and therefore takes no writes.
  MISCONF: "full",
};

/**
 * A connection to Redis or Valkey on which every command ends within its timeout and none is sent
 * twice: a count that may have happened must not be counted again by a reconnect.
 *
 * States: `ready` ⇄ `away` (no connection: commands fail at once) or `silent` (a command timed
 * out: they fail at once until a probe is answered).
 */
export class RedisConnection {
  readonly client: Redis;
  readonly #options: RedisConnectionOptions;
  #isSilent: boolean = false;
  #hasFailed: boolean = false;
  #isClosed: boolean = false;

  constructor(url: string, options: RedisConnectionOptions) {
    this.#options = options;
    this.client = new Redis({
      ...addressOf(url),
      lazyConnect: true,
      connectTimeout: connectTimeoutMs,
      commandTimeout: options.commandTimeoutMs,
      // A network that fell silent: the connection is made anew.
      socketTimeout: options.commandTimeoutMs * 4,
      keepAlive: 5000,
      enableOfflineQueue: false,
      // What was sent when a connection broke fails at once and is not sent again.
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      disableClientInfo: true,
      retryStrategy: (times) => {
        const delayMs = Math.min(reconnectMsFirst * 2 ** Math.min(times - 1, 10), reconnectMsMax);
        return delayMs * (0.5 + options.world.randomness.fraction());
      },
    });
    let isLost = false;
    this.client.on("error", (error: unknown) => {
      if (!isLost) options.log.warn("hot_store_lost", { error: String(error) });
      isLost = true;
    });
    this.client.on("ready", () => {
      if (isLost) options.log.info("hot_store_back");
      isLost = false;
      this.#hasFailed = false;
    });
  }

  /** False from the first failure until a command succeeds, or a new connection is ready. */
  get isReachable(): boolean {
    return this.isReady && !this.#hasFailed;
  }

  get isReady(): boolean {
    return this.client.status === "ready" && !this.#isSilent;
  }

  /** Resolves when connected, or after the connect timeout all the same. */
  async open(): Promise<void> {
    await this.client.connect().catch(() => {});
  }

  /** `isRead`: nothing changes, so a lost answer is no doubt about what happened. */
  async run<Result>(
    command: (client: Redis) => Promise<Result>,
    { isRead = false }: { readonly isRead?: boolean } = {},
  ): Promise<Result> {
    if (this.#isClosed) throw storeFaults.closed();
    if (!this.isReady) throw storeFaults.unavailable({ detail: `Redis is ${this.client.status}` });
    try {
      const result = await command(this.client);
      this.#hasFailed = false;
      return result;
    } catch (error) {
      throw this.#explain(error, isRead);
    }
  }

  /** One of our scripts; sent by its digest, whole only to a server that has not seen it. */
  script(
    name: ScriptName,
    keys: readonly string[],
    parameters: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    return this.run(async (client) => {
      try {
        return await client.evalsha(shas[name] ?? "", keys.length, ...keys, ...parameters);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return client.eval(redisScripts[name], keys.length, ...keys, ...parameters);
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    this.client.disconnect();
  }

  #explain(error: unknown, isRead: boolean): unknown {
    if (Fault.is(error) || !(error instanceof Error)) return error;
    const detail = error.message;
    if (error.name === "ReplyError") {
      assert(!/not an integer|WRONGTYPE/.test(detail), "a key is used for one purpose only");
      const name = faultByReply[detail.split(" ")[0] ?? ""];
      return name === undefined ? error : storeFaults[name]({ detail, cause: error });
    }
    if (this.#isClosed) return storeFaults.closed();
    this.#hasFailed = true;
    if (detail === "Command timed out") this.#probe();
    const isUnsent = detail.startsWith("Stream isn't writeable");
    const name = isUnsent || isRead ? "unavailable" : "outcome_unknown";
    return storeFaults[name]({ detail, cause: error });
  }

  #probe(): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#options.log.warn("hot_store_silent");
    const look = (): void => {
      const answer = this.client.status === "ready" ? this.client.ping() : Promise.reject();
      answer.then(
        () => {
          this.#isSilent = false;
          this.#options.log.info("hot_store_answers");
        },
        () => {
          if (!this.#isClosed) this.#options.world.timers.after(probeMs, look);
        },
      );
    };
    look();
  }
}

/** `redis+unix:///run/redis.sock?db=1`, a socket; everything else is ioredis's own form. */
function addressOf(url: string) {
  const { protocol, hostname, port, pathname, username, password, searchParams } = new URL(url);
  const isSocket = protocol === "redis+unix:";
  const db = Number(isSocket ? (searchParams.get("db") ?? 0) : pathname.slice(1) || 0);
  assert(Number.isSafeInteger(db) && db >= 0, "the path of a Redis URL is a database number");
  return {
    ...(isSocket
      ? { path: decodeURIComponent(pathname) }
      : {
          host: hostname.replace(/^\[(.*)\]$/, "$1") || "localhost",
          port: Number(port || 6379),
        }),
    ...(protocol === "rediss:" && { tls: {} }),
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    db,
  };
}
