/**
 * The product with everything around it in our hands: PostgreSQL and Redis of our own behind fault
 * proxies, two primary upstreams and a standby behind further ones. One start serves all faults.
 */
import { dirname, join } from "node:path";
import {
  createTestRedis,
  redisBinary,
  startTandem,
  startTestPostgres,
  type Tandem,
  type TandemOptions,
  type TestPostgres,
  type TestRedis,
} from "@tandem/libs/testing";
import { type EngineThread, engineThread } from "./engine-thread.ts";
import { type ProxyThread, proxyThread } from "./proxy-thread.ts";

export interface FaultHouse {
  /** Changes when a supervisor is succeeded. */
  tandem: Tandem;
  readonly database: {
    readonly server: TestPostgres;
    readonly link: ProxyThread;
    /** Past the link, as the superuser. */
    urlOf(name: string): string;
  };
  /** Undefined where no Redis is installed: the embedded hot store is used then. */
  readonly hotStore: { readonly server: TestRedis; readonly link: ProxyThread } | undefined;
  /** Of the primaries, in the order of the catalogue. */
  readonly primaries: readonly Upstream[];
  readonly standby: Upstream;
  /** What calls beside the load have cost. */
  readonly beside: { nanos: bigint };
  /** The words for a successor of the supervisor. */
  readonly startOptions: TandemOptions;
  close(): Promise<readonly { readonly pid: number; readonly command: string }[]>;
}

export interface Upstream {
  readonly name: string;
  readonly engine: EngineThread;
  readonly link: ProxyThread;
}

const tokensPerSecond = 25;
/** A model whose server does few things at once, as those with a graphics processor do. */
export const narrowModel = "narrow-1";
const narrowPlaces = 24;

export async function openFaultHouse(given: { readonly topology: string }): Promise<FaultHouse> {
  const closing: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closing.reverse()) await close().catch(() => undefined);
  };
  try {
    const database = await openDatabaseLink(closing);
    const hotStore = redisBinary === undefined ? undefined : await openHotStoreLink(closing);
    const primaries = [await openUpstream("one", closing), await openUpstream("two", closing)];
    const standby = await openUpstream("cloud", closing);
    const startOptions: TandemOptions = {
      topology: given.topology,
      settings: settingsFor(primaries, standby),
      environment: {
        DATABASE_URL: database.linkUrl,
        ...(hotStore !== undefined && { REDIS_URL: hotStore.linkUrl }),
        // Which port the inspector takes when a signal opens it (faults/inspector.ts).
        NODE_OPTIONS: "--inspect-port=0",
      },
    };
    const tandem = await startTandem(startOptions);
    const house: FaultHouse = {
      ...{ tandem, database, hotStore, primaries, standby, startOptions, beside: { nanos: 0n } },
      async close() {
        const { leftovers } = await house.tandem.stop();
        await closeAll();
        return leftovers;
      },
    };
    return house;
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function openDatabaseLink(closing: (() => Promise<unknown>)[]) {
  const server = await startTestPostgres();
  closing.push(() => server.stop());
  const url = new URL((await server.createDatabase()).replace("@/", "@socket/"));
  const directory = url.searchParams.get("host") ?? "";
  const linkDirectory = `${directory}-link`;
  const { mkdir, rm } = await import("node:fs/promises");
  await mkdir(linkDirectory);
  closing.push(() => rm(linkDirectory, { recursive: true, force: true }));
  const socket = ".s.PGSQL.5432";
  const link = await proxyThread({
    target: join(directory, socket),
    listen: join(linkDirectory, socket),
  });
  closing.push(() => link.close());
  const urlAt = (folder: string, name: string): string =>
    `postgres://postgres@/${name}?host=${encodeURIComponent(folder)}&port=5432`;
  return {
    server,
    link,
    linkUrl: urlAt(linkDirectory, "postgres"),
    urlOf: (name: string) => urlAt(directory, name),
  };
}

async function openHotStoreLink(closing: (() => Promise<unknown>)[]) {
  const server = await createTestRedis(["--appendonly", "yes"]);
  await server.start();
  closing.push(() => server.remove());
  const listen = join(dirname(server.socketPath), "link.sock");
  const link = await proxyThread({ target: server.socketPath, listen });
  closing.push(() => link.close());
  return { server, link, linkUrl: `redis+unix://${listen}` };
}

async function openUpstream(name: string, closing: (() => Promise<unknown>)[]): Promise<Upstream> {
  const engine = await engineThread({ tokensPerSecond });
  closing.push(() => engine.close());
  const link = await proxyThread({ target: Number(new URL(engine.baseUrl).port) });
  closing.push(() => link.close());
  return { name, engine, link };
}

function settingsFor(
  primaries: readonly Upstream[],
  standby: Upstream,
): NonNullable<TandemOptions["settings"]> {
  const upstreams = [...primaries, standby].map((upstream) => ({
    name: upstream.name,
    profile: "vllm",
    baseUrl: `http://127.0.0.1:${upstream.link.door}/v1`,
    ...(upstream === standby && { role: "standby" }),
  }));
  const targets = upstreams.map(({ name }) => ({ upstream: name, model: "mock-1" }));
  const price = { inputPerMillion: "1", outputPerMillion: "2" };
  const [engine] = primaries;
  const narrow = {
    ...{ name: "narrow", profile: "vllm", baseUrl: engine?.engine.baseUrl },
    maxConcurrency: narrowPlaces,
  };
  const models = [
    { id: "mock-1", contextTokens: 32_768, price, targets },
    {
      ...{ id: narrowModel, contextTokens: 32_768, price },
      targets: [{ upstream: narrow.name, model: "mock-1" }],
    },
  ];
  return {
    inference: { upstreams: [...upstreams, narrow] },
    models: { models },
    // At each of two replicas as many as half of the places serve: who waits, waits for one answer.
    ai: { queueMax: narrowPlaces / 2 },
    // One machine stands for many clients here.
    router: { connectionsPerAddressMax: 8_192 },
    // What killed gateways held is missing until they are back.
    access: { setup: { initialCredit: "99999" } },
  };
}
