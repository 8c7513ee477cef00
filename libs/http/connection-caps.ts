import type { ServerLimits } from "./limits.ts";

/** Counts open connections, altogether and of each address; of several ports where they share it. */
export class ConnectionCaps {
  readonly #limits: Pick<ServerLimits, "connections" | "connectionsPerAddress">;
  readonly #countByAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: Pick<ServerLimits, "connections" | "connectionsPerAddress">) {
    this.#limits = limits;
  }

  /** False for one too many; it counts all the same, until it has left. Unix sockets have no address. */
  enter(address: string): boolean {
    const { connections, connectionsPerAddress } = this.#limits;
    const ofAddress = this.#countByAddress.get(address) ?? 0;
    const hasRoom =
      this.#count < connections && (address === "" || ofAddress < connectionsPerAddress);
    this.#count += 1;
    this.#countByAddress.set(address, ofAddress + 1);
    return hasRoom;
  }

  leave(address: string): void {
    this.#count -= 1;
    const ofAddress = this.#countByAddress.get(address) ?? 1;
    if (ofAddress > 1) this.#countByAddress.set(address, ofAddress - 1);
    else this.#countByAddress.delete(address);
  }
}
