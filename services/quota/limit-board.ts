import { type DefaultLimits, withDefaults } from "./core/default-limits.ts";
import type { Limit } from "./core/limit.ts";
import type { ChangePage } from "./store/changes.ts";

/** Organisations whose limits are kept in memory; the one read longest ago gives way. */
const organisationsMax = 20_000;

/**
 * The limits of organisations, read once and kept until something of theirs changes. While the
 * database is away the kept ones are used; those of others cannot be known.
 */
export class LimitBoard {
  readonly #find: (organisationId: string) => Promise<readonly Limit[]>;
  readonly #defaults: DefaultLimits;
  readonly #kept = new Map<string, readonly Limit[]>();
  /** Counts what was forgotten, so that a reading that began before is not kept. */
  #forgotten = 0;

  constructor(options: {
    readonly find: (organisationId: string) => Promise<readonly Limit[]>;
    readonly defaults: DefaultLimits;
  }) {
    this.#find = options.find;
    this.#defaults = options.defaults;
  }

  async limitsOf(organisationId: string): Promise<readonly Limit[]> {
    const kept = this.#kept.get(organisationId);
    if (kept !== undefined) return kept;
    const before = this.#forgotten;
    const limits = await this.readLimits(organisationId);
    if (before === this.#forgotten) this.#keep(organisationId, limits);
    return limits;
  }

  /** As they are in the database now. */
  async readLimits(organisationId: string): Promise<readonly Limit[]> {
    return this.completed(organisationId, await this.#find(organisationId));
  }

  /** With the defaults of what an organisation has no limit for. */
  completed(organisationId: string, own: readonly Limit[]): readonly Limit[] {
    return withDefaults(own, { organisationId, defaults: this.#defaults });
  }

  forget(page: ChangePage): void {
    this.#forgotten += 1;
    if (page.isReset) this.#kept.clear();
    for (const organisationId of page.organisationIds) this.#kept.delete(organisationId);
  }

  #keep(organisationId: string, limits: readonly Limit[]): void {
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < organisationsMax) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(organisationId, limits);
  }
}
