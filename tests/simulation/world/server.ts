import type { HttpServerOptions, PublicServer } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { SimulatedExchange } from "./exchange.ts";
import type { Living } from "./living.ts";
import type { BoundServer, SimulatedNetwork } from "./network.ts";

/** A server of one process, with what it is answering. */
export class SimulatedServer implements PublicServer, BoundServer {
  readonly process: Living;
  readonly #network: SimulatedNetwork;
  readonly #options: HttpServerOptions;
  readonly #underWay = new Set<SimulatedExchange>();
  #address = "";
  #isListening: boolean = false;
  #onEmpty: (() => void) | undefined;

  constructor(given: {
    readonly network: SimulatedNetwork;
    readonly process: Living;
    readonly options: HttpServerOptions;
  }) {
    this.#network = given.network;
    this.process = given.process;
    this.#options = given.options;
  }

  get address(): string {
    return this.#address;
  }

  get connections(): number {
    return this.#underWay.size;
  }

  get isListening(): boolean {
    return this.#isListening && this.process.isAlive;
  }

  async listen(target: string | { readonly descriptor: number }): Promise<void> {
    if (typeof target !== "string") throw new Error("no descriptors in the simulated world");
    await this.process.pause(0.1);
    this.#network.bind(target, this);
    this.#address = target;
    this.#isListening = true;
  }

  announceEnd(): void {}
  hurry(): void {}
  renewCertificate(): void {}

  /** A request has arrived; it runs in the server's process. */
  take(exchange: SimulatedExchange): void {
    this.#underWay.add(exchange);
    exchange.onFinish(() => {
      this.#underWay.delete(exchange);
      if (this.#underWay.size === 0) this.#onEmpty?.();
    });
    try {
      this.#options.onExchange(exchange);
    } catch (error) {
      const fault = Fault.from(error);
      exchange.respond(fault.httpStatus, [["content-type", "application/json"]], "{}");
    }
  }

  async close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#isListening = false;
    this.#network.unbind(this.#address, this);
    if (this.#underWay.size === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = this.process.after(deadlineMs, () => {
        for (const exchange of [...this.#underWay]) exchange.cut();
        resolve();
      });
      this.#onEmpty = () => {
        deadline.cancel();
        resolve();
      };
    });
  }
}
