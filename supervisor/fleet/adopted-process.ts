import { connect } from "node:net";
import type { World } from "@tandem/libs/world";
import { isAlive, type ProcessIdentity, signalTo } from "../folder/process-identity.ts";
import type { LaunchedProcess } from "./launch.ts";
import { type Greeting, lineReader, type ProcessMessage, readProcessMessage } from "./messages.ts";

const lookPeriodMs = 100;

/** A process that outlived the supervisor that started it, and its first word to us. */
export interface AdoptedProcess {
  readonly launched: LaunchedProcess;
  readonly greeting: Greeting;
}

/**
 * Takes over a running process through the socket that it keeps for this. Undefined when it does
 * not answer within the time, since it is frozen.
 */
export function adoptProcess(options: {
  readonly identity: ProcessIdentity;
  readonly linkPath: string;
  readonly timeoutMs: number;
  readonly world: World;
}): Promise<AdoptedProcess | undefined> {
  const { identity, world } = options;
  const socket = connect(options.linkPath);
  const listeners: ((message: ProcessMessage) => void)[] = [];
  /** What came between the greeting and the first listener. */
  const early: ProcessMessage[] = [];
  return new Promise((resolve) => {
    const giveUp = (): void => {
      timer.cancel();
      socket.destroy();
      resolve(undefined);
    };
    const timer = world.timers.after(options.timeoutMs, giveUp);
    const launched: LaunchedProcess = {
      identity,
      order: (order) => void socket.write(`${JSON.stringify(order)}\n`),
      kill: () => void signalTo(identity, "SIGKILL"),
      onMessage: (run) => {
        listeners.push(run);
        for (const message of early.splice(0)) run(message);
      },
      onExit: (run) => watchForExit(identity, { world, run }),
    };
    const hear = (value: unknown): void => {
      const message = readProcessMessage(value);
      if (message === undefined) return;
      if (message.kind === "greeting") {
        timer.cancel();
        if (message.pid !== identity.pid) giveUp();
        else resolve({ launched, greeting: message });
      } else if (listeners.length === 0) early.push(message);
      else for (const run of listeners) run(message);
    };
    socket.setEncoding("utf8").on("data", lineReader(hear));
    // Later on its end is seen by looking at the process; before that there is nothing to adopt.
    socket.on("error", giveUp);
  });
}

/** Somebody else's child: its end can only be seen by looking. */
function watchForExit(
  identity: ProcessIdentity,
  { world, run }: { readonly world: World; readonly run: (how: string) => void },
): void {
  const timer = world.timers.every(lookPeriodMs, () => {
    if (isAlive(identity)) return;
    timer.cancel();
    run("gone");
  });
}
