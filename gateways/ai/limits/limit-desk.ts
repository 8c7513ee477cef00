import type { Demand } from "@tandem/libs/gateway";
import type { Payer } from "../money/wallet-line.ts";
import type { HeldPlaces } from "./held-places.ts";
import { type LimitParts, OrganisationLimits, type Passage } from "./organisation-limits.ts";

/** The limits of all organisations that use this replica. */
export class LimitDesk {
  readonly #parts: LimitParts;
  readonly #organisations = new Map<string, OrganisationLimits>();

  constructor(parts: LimitParts) {
    this.#parts = parts;
  }

  /** See `OrganisationLimits.admit`. */
  admit(payer: Payer, demand: Demand): Passage | Promise<Passage> {
    return this.#limitsOf(payer).admit(payer, demand);
  }

  /** See `OrganisationLimits.goOn`. */
  goOn(payer: Payer): HeldPlaces {
    return this.#limitsOf(payer).goOn(payer);
  }

  /** The limits of these organisations have changed; of all, when none is named. */
  forget(organisationIds?: readonly string[]): void {
    for (const id of organisationIds ?? this.#organisations.keys()) {
      this.#organisations.get(id)?.forget();
    }
  }

  #limitsOf({ organisationId }: Payer): OrganisationLimits {
    let organisation = this.#organisations.get(organisationId);
    if (organisation === undefined) {
      organisation = new OrganisationLimits(this.#parts);
      this.#organisations.set(organisationId, organisation);
    }
    return organisation;
  }

  tick(nowMs: number): void {
    for (const [id, organisation] of this.#organisations) {
      organisation.tick(nowMs);
      if (organisation.isEmpty) this.#organisations.delete(id);
    }
  }
}
