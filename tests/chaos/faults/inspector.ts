/**
 * A hand inside a running replica, without a line of test code in it: SIGUSR1 makes Node open its
 * inspector on a port of 127.0.0.1, and what is evaluated there runs in the replica's event loop.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FaultHouse } from "../fault-house.ts";
import { until } from "../waiting.ts";

/** Runs an expression in a process of the topology; resolves when it has been sent. */
export async function evaluateIn(
  house: FaultHouse,
  name: string,
  expression: string,
): Promise<void> {
  const file = join(house.tandem.dataDirectory, "logs", `${name}.log`);
  const start = statSync(file).size;
  const pid = (await house.tandem.status()).processes.find((one) => one.name === name)?.pid;
  if (pid === undefined) throw new Error(`${name} is not running`);
  const address = /Debugger listening on (ws:\S+)/g;
  const known = (): string | undefined =>
    [
      ...readFileSync(file, "utf8")
        .slice(knownFrom(pid) ?? start)
        .matchAll(address),
    ].at(-1)?.[1];
  if (!openedAt.has(pid)) {
    openedAt.set(pid, start);
    process.kill(pid, "SIGUSR1");
  }
  await until(() => known() !== undefined, 10_000);
  await send(known() ?? "", expression);
}

/** Where in its log a process's inspector told its address; it tells it once. */
const openedAt = new Map<number, number>();

function knownFrom(pid: number): number | undefined {
  return openedAt.get(pid);
}

async function send(url: string, expression: string): Promise<void> {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no inspector at ${url}`)));
  });
  socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
  await new Promise((resolve) => {
    socket.addEventListener("message", resolve, { once: true });
    socket.addEventListener("close", resolve, { once: true });
  });
  socket.close();
}
