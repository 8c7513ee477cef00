import type { PassportClaims } from "@tandem/libs/rpc";
import { newId, type World } from "@tandem/libs/world";
import { noUsage } from "../core/money/token-usage.ts";
import type { Settlement } from "./settlement.ts";

/** Counts of refused calls wait this long before they are told. */
const periodMs = 1_000;
/** Different kinds of refused calls that wait at once; those beyond it are told at once. */
const kindsMax = 10_000;

export interface RefusedCall {
  readonly claims: Pick<PassportClaims, "organisationId" | "projectId" | "userId" | "keyId">;
  /** Empty when the call asked for none that there is. */
  readonly model: string;
  readonly endpoint: string;
  readonly status: number;
}

interface Kind extends RefusedCall {
  readonly atMs: number;
  count: number;
}

/**
 * Counts the calls that were turned away before anything was done for them, so that usage shows
 * them: a client that hammers at a limit is one row a second here, not a thousand. Each count goes
 * the way of settlements, journal first, and is told once. What was counted in the last second is
 * lost with a killed process; no money hangs on it.
 */
export class Refusals {
  readonly #world: World;
  readonly #tell: (counted: Settlement) => void;
  readonly #kinds = new Map<string, Kind>();
  #toldAtMs = 0;

  constructor(parts: { readonly world: World; readonly tell: (counted: Settlement) => void }) {
    this.#world = parts.world;
    this.#tell = parts.tell;
  }

  count(call: RefusedCall): void {
    const { organisationId, projectId, userId, keyId } = call.claims;
    const name = `${organisationId} ${projectId} ${userId} ${keyId} ${call.model} ${call.endpoint} ${call.status}`;
    const known = this.#kinds.get(name);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    if (this.#kinds.size >= kindsMax) this.flush();
    this.#kinds.set(name, { ...call, atMs: this.#world.clock.nowMs(), count: 1 });
  }

  /** Called some times a second. */
  tick(nowMs: number): void {
    if (nowMs - this.#toldAtMs < periodMs) return;
    this.#toldAtMs = nowMs;
    this.flush();
  }

  flush(): void {
    for (const kind of this.#kinds.values()) this.#tell(this.#settlementOf(kind));
    this.#kinds.clear();
  }

  #settlementOf({ claims, model, endpoint, status, atMs, count }: Kind): Settlement {
    const { organisationId, projectId, userId, keyId } = claims;
    return {
      ...{ requestId: newId(this.#world, "rfs"), leaseId: "" },
      ...{ organisationId, projectId, userId, keyId, model, upstream: "" },
      ...{ reservedNanos: 0n, chargedNanos: 0n, upstreamNanos: 0n },
      usage: noUsage,
      atMs,
      outcome: "refused",
      ...{ priceId: "", currency: "" },
      detail: {
        ...{ endpoint, status, durationMs: 0, firstTokenMs: 0 },
        ...{ isStream: false, isUpstreamKnown: false, price: undefined },
        requests: count,
      },
    };
  }
}
