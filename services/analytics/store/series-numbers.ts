import { hash } from "node:crypto";
import { type Executor, sql } from "@tandem/libs/store";
import { type Fact, seriesName } from "../core/fact.ts";

/** Numbers remembered; each some 100 bytes. */
const knownMax = 50_000;

/**
 * The number of each series, given once and for ever. They are made outside of the transaction
 * that uses them, so that what is remembered here is never rolled back.
 */
export class SeriesNumbers {
  readonly #database: Executor;
  readonly #known = new Map<string, string>();

  constructor(database: Executor) {
    this.#database = database;
  }

  /** By digest, for every fact. */
  async of(facts: readonly Fact[]): Promise<ReadonlyMap<Fact, string>> {
    const digests = new Map(facts.map((fact) => [fact, digestOf(fact)]));
    const missing = new Map<string, Fact>();
    for (const [fact, digest] of digests) if (!this.#known.has(digest)) missing.set(digest, fact);
    if (missing.size > 0) await this.#learn(missing);
    const numbers = new Map<Fact, string>();
    for (const [fact, digest] of digests) numbers.set(fact, this.#known.get(digest) ?? "");
    return numbers;
  }

  async #learn(missing: ReadonlyMap<string, Fact>): Promise<void> {
    if (this.#known.size + missing.size > knownMax) this.#known.clear();
    // In one order, so that two replicas that learn the same do not wait for each other in a ring.
    const rows = [...missing]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([digest, fact]) => rowOf(digest, fact));
    await sql`
      insert into series (digest, organisation_id, project_id, user_id, key_id, model, upstream,
        endpoint, outcome, status, currency, price_id, input_price, cached_input_price,
        output_price, upstream_known)
      select given.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (
        digest text, organisation_id text, project_id text, user_id text, key_id text, model text,
        upstream text, endpoint text, outcome text, status integer, currency text, price_id text,
        input_price bigint, cached_input_price bigint, output_price bigint, upstream_known boolean)
      on conflict (digest) do nothing`.execute(this.#database);
    const found = await sql<{ id: bigint; digest: string }>`
      select id, digest from series where digest = any(${[...missing.keys()]}::text[])`.execute(
      this.#database,
    );
    for (const { id, digest } of found.rows) this.#known.set(digest, String(id));
  }
}

function digestOf(fact: Fact): string {
  return hash("sha256", seriesName(fact), "base64url");
}

function rowOf(digest: string, fact: Fact) {
  return {
    digest,
    organisation_id: fact.organisationId,
    project_id: fact.projectId,
    user_id: fact.userId,
    key_id: fact.keyId,
    model: fact.model,
    upstream: fact.upstream,
    endpoint: fact.endpoint,
    outcome: fact.outcome,
    status: fact.status,
    currency: fact.currency,
    price_id: fact.priceId,
    input_price: String(fact.inputPrice),
    cached_input_price: String(fact.cachedInputPrice),
    output_price: String(fact.outputPrice),
    upstream_known: fact.upstreamKnown,
  };
}
