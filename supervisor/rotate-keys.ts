import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { afterStep, beginRotation, nextStep, type RotationStep } from "./core/key-rotation.ts";
import { supervisorFaults } from "./faults.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { Tell } from "./fleet/tell.ts";
import { freshSigningKeys, nameOfSigningKeys, type Secrets, saveSecrets } from "./secrets.ts";
import { keysOrderFor, type SiteFilesOptions } from "./site-files.ts";

export interface KeyRotationOptions {
  readonly fleet: Fleet;
  readonly topology: SiteFilesOptions["topology"];
  /** As they were found at the start. */
  readonly secrets: Secrets;
  readonly secretsFile: string;
  /** Unless the one who asks wants another one. */
  readonly overlapMs: number;
  /** Writes the site files anew, by `secrets`. */
  readonly writeSites: () => void;
  readonly world: World;
  readonly log: Log;
}

const lookPeriodMs = 50;
/** So long nobody is told that something is waited for. */
const quietMs = 2000;

/**
 * Rotates the signing keys under load: each state is on disk first, then in the site files for
 * whoever starts, then told, and held by every process before the next one (core/key-rotation.ts).
 * What a killed supervisor had begun its successor goes on with.
 */
export class KeyRotation {
  readonly #options: KeyRotationOptions;
  #secrets: Secrets;
  #isBusy: boolean = false;
  #isClosed: boolean = false;

  constructor(options: KeyRotationOptions) {
    this.#options = options;
    this.#secrets = options.secrets;
  }

  get secrets(): Secrets {
    return this.#secrets;
  }

  /**
   * Resolves when the old keys are accepted nowhere. Throws `supervisor.busy`, or
   * `supervisor.rotation_taken_back` when not every process accepts the new ones. One that was
   * broken off is gone on with instead.
   */
  async rotate(query: URLSearchParams, tell: Tell): Promise<void> {
    const overlapMs = readOverlapMs(query, this.#options.overlapMs);
    if (this.#isBusy) {
      throw supervisorFaults.busy({
        publicMessage: "The signing keys are being rotated already. Wait for its end.",
        retryAfterMs: 1000,
      });
    }
    this.#isBusy = true;
    try {
      if (this.#secrets.rotation === undefined) {
        const otherKeys = freshSigningKeys(this.#secrets);
        this.#keep(beginRotation(this.#secrets, { otherKeys, overlapMs }));
      }
      await this.#goOn(tell);
    } finally {
      this.#isBusy = false;
    }
  }

  /** After a start: lets adopted processes know what counts, and ends what was begun. */
  async takeUp(): Promise<void> {
    const { log } = this.#options;
    if (this.#isBusy) return;
    this.#isBusy = this.#secrets.rotation !== undefined;
    try {
      if (!this.#isBusy) return this.#publish();
      await this.#goOn((event, fields) => log.info(event, fields));
    } catch (error) {
      log.error("rotation_failed", { error: String(error) });
    } finally {
      this.#isBusy = false;
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  async #goOn(tell: Tell): Promise<void> {
    for (;;) {
      this.#publish();
      const stage = this.#secrets.rotation?.stage ?? "done";
      const step = await this.#untilStep(tell);
      if (step === undefined || step === "end") return;
      const missing = this.#missing();
      this.#keep(afterStep(this.#secrets, step));
      tell(eventOf[step], { after: stage });
      if (step !== "take-back") continue;
      this.#publish();
      throw supervisorFaults.rotation_taken_back({
        publicMessage: `${missing.join(", ")} did not take the new signing keys. Nothing was changed.`,
      });
    }
  }

  /** Undefined when the supervisor stops: its successor goes on. */
  async #untilStep(tell: Tell): Promise<RotationStep | undefined> {
    const { world } = this.#options;
    const { rotation } = this.#secrets;
    const toldAtMs = world.clock.monotonicMs();
    let heldFromMs: number | undefined;
    let isTold = false;
    while (!this.#isClosed) {
      const nowMs = world.clock.monotonicMs();
      const missing = this.#missing();
      if (missing.length === 0) heldFromMs ??= nowMs;
      const toldMs = nowMs - toldAtMs;
      if (heldFromMs === undefined && toldMs > quietMs && !isTold) {
        isTold = true;
        tell("waiting", { for: missing.join(" ") });
      }
      const heldMs = heldFromMs === undefined ? undefined : nowMs - heldFromMs;
      const step = nextStep(rotation, { heldMs, toldMs });
      if (step !== "wait") return step;
      await sleep(world, lookPeriodMs);
    }
    return undefined;
  }

  #missing(): readonly string[] {
    const missing = this.#options.fleet.withoutKeys(nameOfSigningKeys(this.#secrets));
    return missing.map(({ spec }) => spec.name);
  }

  /** It counts once it is on disk. */
  #keep(secrets: Secrets): void {
    saveSecrets(this.#options.secretsFile, secrets);
    this.#secrets = secrets;
  }

  #publish(): void {
    const { fleet, topology, writeSites } = this.#options;
    writeSites();
    fleet.tellKeys((spec) => keysOrderFor(spec, { topology, secrets: this.#secrets }));
  }
}

const eventOf = {
  sign: "signing_with_new",
  retire: "old_refused",
  "take-back": "taken_back",
  wait: "waiting",
} as const;

/** `?overlap_seconds=N`, or as configured. Throws `supervisor.wrong_usage`. */
function readOverlapMs(query: URLSearchParams, fallbackMs: number): number {
  const text = query.get("overlap_seconds");
  if (text === null) return fallbackMs;
  const seconds = Number(text);
  if (text !== "" && Number.isFinite(seconds) && seconds >= 0 && seconds <= 86_400) {
    return seconds * 1000;
  }
  throw supervisorFaults.wrong_usage({
    publicMessage: `overlap_seconds=${text} is no number from 0 to 86400.`,
  });
}
