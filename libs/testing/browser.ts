import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { realWorld } from "../world/index.ts";

/** A real browser without a window, driven over a pipe. Its profile is new, and goes with it. */
export interface Browser {
  /** A page of what is served there, once it has loaded. */
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

export interface Page {
  /**
   * Runs `work` in the page, which knows nothing but what it is given, and gives what it returns;
   * both travel as JSON. Rejects with what it throws.
   */
  run<Given, Result>(work: (given: Given) => Result, given: Given): Promise<Awaited<Result>>;
}

const names = ["chromium", "chromium-browser", "google-chrome"];

const words = [
  ...["--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check"],
  ...["--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--mute-audio"],
  // Where tests run as root and in containers, it cannot make itself a sandbox.
  "--no-sandbox",
  // It speaks to this machine and to nobody else.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

const exitPatienceMs = 5_000;
const answerPatienceMs = 60_000;

/** Where a browser is on PATH that can be driven so; undefined: nowhere. */
export function findBrowser(): string | undefined {
  const folders = (realWorld().environment["PATH"] ?? "").split(delimiter);
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export async function startBrowser(path: string): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), "tandem-browser-"));
  const child = spawn(path, [...words, `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
  });
  const driver = new Driver(child);
  return {
    async open(url) {
      const { targetId } = await driver.ask("Target.createTarget", { url: "about:blank" });
      const given = { targetId, flatten: true };
      const { sessionId } = await driver.ask("Target.attachToTarget", given);
      const session = String(sessionId);
      await driver.ask("Page.enable", {}, session);
      const loaded = driver.event("Page.loadEventFired", session);
      const { errorText } = await driver.ask("Page.navigate", { url }, session);
      if (errorText !== undefined) throw new Error(`${url}: ${String(errorText)}`);
      await loaded;
      return { run: (work, value) => runIn(driver, session, { work, value }) };
    },
    async close() {
      void driver.ask("Browser.close", {}).catch(() => undefined);
      await driver.ended();
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function runIn<Given, Result>(
  driver: Driver,
  session: string,
  { work, value }: { readonly work: (given: Given) => Result; readonly value: Given },
): Promise<Awaited<Result>> {
  const expression = `(${work.toString()})(${JSON.stringify(value)})`;
  const given = { expression, awaitPromise: true, returnByValue: true };
  const told = await driver.ask("Runtime.evaluate", given, session);
  const { result, exceptionDetails } = told as {
    readonly result: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly text: string; readonly exception?: object };
  };
  if (exceptionDetails === undefined) return result.value as Awaited<Result>;
  const { text, exception } = exceptionDetails;
  const { description } = (exception ?? {}) as { readonly description?: string };
  throw new Error(`in the page: ${description ?? text}`);
}

type Told = Readonly<Record<string, unknown>>;

interface Waiting {
  resolve(told: Told): void;
  reject(error: Error): void;
}

/** The browser's own protocol (https://chromedevtools.github.io/devtools-protocol/): JSON, NUL. */
class Driver {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, Waiting>();
  readonly #awaited: { method: string; session: string; resolve(): void }[] = [];
  readonly #end: Promise<void>;
  #last = 0;
  #rest = "";
  #said = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    const [, , , into, from] = child.stdio as unknown as [null, null, Readable, Writable, Readable];
    into.on("error", () => undefined);
    from.setEncoding("utf8").on("data", (text: string) => this.#heard(text));
    child.stderr?.on("data", (text) => {
      this.#said = `${this.#said}${text}`.slice(-2_000);
    });
    this.#end = new Promise((resolve) => {
      const over = (why: string): void => {
        for (const { reject } of this.#asked.values()) reject(new Error(why));
        this.#asked.clear();
        resolve();
      };
      child.once("error", (error) => over(String(error)));
      child.once("exit", (code) => over(`the browser ended with ${code}: ${this.#said}`));
    });
  }

  ask(method: string, params: object, sessionId?: string): Promise<Told> {
    this.#last += 1;
    const id = this.#last;
    const message = `${JSON.stringify({ id, method, params, sessionId })}\0`;
    (this.#child.stdio[3] as Writable).write(message);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${method} was not answered: ${this.#said}`));
      }, answerPatienceMs);
      const settled =
        <Value>(settle: (value: Value) => void) =>
        (value: Value): void => {
          clearTimeout(timer);
          settle(value);
        };
      this.#asked.set(id, { resolve: settled(resolve), reject: settled(reject) });
    });
  }

  event(method: string, session: string): Promise<void> {
    return new Promise((resolve) => this.#awaited.push({ method, session, resolve }));
  }

  async ended(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), exitPatienceMs);
    await this.#end;
    clearTimeout(timer);
  }

  #heard(text: string): void {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop() ?? "";
    for (const message of messages) this.#take(JSON.parse(message) as Told);
  }

  #take({ id, result, error, method, sessionId }: Told): void {
    const waiting = this.#asked.get(Number(id));
    this.#asked.delete(Number(id));
    if (error === undefined) waiting?.resolve((result ?? {}) as Told);
    else waiting?.reject(new Error((error as { readonly message: string }).message));
    const isMeant = (one: { method: string; session: string }): boolean =>
      one.method === method && one.session === sessionId;
    const at = this.#awaited.findIndex(isMeant);
    if (at >= 0) for (const { resolve } of this.#awaited.splice(at, 1)) resolve();
  }
}
