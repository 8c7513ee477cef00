import { type Order, type ProcessMessage, readOrder } from "../fleet/messages.ts";

/** The process's end of the channel to its supervisor. */
export interface SupervisorLink {
  /** Never waits and never fails: a supervisor that is gone does not stop a process from serving. */
  tell(message: ProcessMessage): void;
  /** Tells, and calls back once the message is on its way, or cannot be any more. */
  tellFinally(message: ProcessMessage, then: () => void): void;
  /** Resolves when the supervisor allows the replicas to open; at once where there is none. */
  readonly opening: Promise<void>;
  onStop(run: (order: Order & { readonly kind: "stop" }) => void): void;
  onLoss(run: () => void): void;
}

export function linkToSupervisor(): SupervisorLink {
  const send = (message: ProcessMessage, then: () => void): void => {
    if (process.connected && process.send !== undefined) {
      process.send(message, undefined, undefined, then);
    } else {
      then();
    }
  };
  const opening = new Promise<void>((resolve) => {
    if (process.send === undefined) resolve();
    process.on("message", (value) => {
      if (readOrder(value)?.kind === "open") resolve();
    });
  });
  return {
    tell: (message) => send(message, () => {}),
    tellFinally: send,
    opening,
    onStop: (run) => {
      process.on("message", (value) => {
        const order = readOrder(value);
        if (order?.kind === "stop") run(order);
      });
    },
    onLoss: (run) => {
      process.on("disconnect", run);
    },
  };
}
