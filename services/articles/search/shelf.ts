/**
 * Vectors of passages in memory, one shelf an organisation, within a bound of memory over all of
 * them. A shelf is brought up to date when its organisation's version has changed: new vectors are
 * read, what is gone is dropped. It decides nothing about permissions that the database does not
 * decide again when passages are read.
 */
import type { Database } from "@tandem/libs/store";
import type { World } from "@tandem/libs/world";
import { dimensionsOf, VectorBlock } from "../core/vectors.ts";
import { mayRead, type Reader } from "../core/visibility.ts";
import { libraryVersion } from "../store/library.ts";
import type { Schema } from "../store/schema.ts";
import { listVectors, readRestrictions, readVectors } from "../store/vectors.ts";

export interface ShelfEntry {
  readonly id: string;
  readonly articleId: string;
  readonly language: string;
}

export interface ScoredEntry extends ShelfEntry {
  readonly similarity: number;
}

/** Vectors of one statement. */
const readAtOnce = 2_000;
/** Passages that are scored before others get a turn: a millisecond or two. */
const scoredAtOnce = 4_000;
/** While vectors are being filled in, the version changes several times a second. */
const freshMs = 300;
/** Bytes an entry takes besides its vector. */
const entryBytes = 200;

export class Shelf {
  readonly #organisationId: string;
  readonly #database: Database<Schema>;
  readonly #encoder: string;
  readonly #world: World;
  #version = -1n;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #block: VectorBlock | undefined;
  #entries = new Map<string, { readonly entry: ShelfEntry; readonly place: number }>();
  #restrictions: ReadonlyMap<string, readonly string[]> = new Map();
  #reading: Promise<void> | undefined;

  constructor(given: {
    readonly organisationId: string;
    readonly database: Database<Schema>;
    readonly encoder: string;
    readonly world: World;
  }) {
    this.#organisationId = given.organisationId;
    this.#database = given.database;
    this.#encoder = given.encoder;
    this.#world = given.world;
  }

  get byteLength(): number {
    return (this.#block?.byteLength ?? 0) + this.#entries.size * entryBytes;
  }

  /** Brings it up to date; those who ask meanwhile wait for the same reading. */
  refresh(): Promise<void> {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - this.#readAtMs < freshMs) return Promise.resolve();
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const version = await libraryVersion(this.#database, this.#organisationId);
    if (version !== this.#version) await this.#update();
    this.#version = version;
    this.#readAtMs = this.#world.clock.monotonicMs();
  }

  async #update(): Promise<void> {
    const organisationId = this.#organisationId;
    const listed = await listVectors(this.#database, organisationId, this.#encoder);
    this.#restrictions = await readRestrictions(this.#database, organisationId);
    const known = this.#entries;
    const missing = listed.filter(({ id }) => !known.has(id));
    const kept = listed.length - missing.length;
    // Half of it gone: begin anew, so that what is dropped does not stay in memory for ever.
    if (kept < (this.#block?.count ?? 0) / 2) this.#drop();
    else this.#keepOnly(new Set(listed.map(({ id }) => id)));
    const wanted = listed.filter(({ id }) => !this.#entries.has(id));
    for (let from = 0; from < wanted.length; from += readAtOnce) {
      const some = wanted.slice(from, from + readAtOnce);
      const vectors = await readVectors(
        this.#database,
        organisationId,
        some.map(({ id }) => id),
      );
      for (const entry of some) this.#put(entry, vectors.get(entry.id));
    }
  }

  #put(entry: ShelfEntry, vector: Buffer | undefined): void {
    if (vector === undefined) return;
    this.#block ??= new VectorBlock(dimensionsOf(vector));
    if (dimensionsOf(vector) !== this.#block.width) return;
    this.#entries.set(entry.id, { entry, place: this.#block.add(vector) });
  }

  #drop(): void {
    this.#block = undefined;
    this.#entries.clear();
  }

  #keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
  }

  /** How near passages are that the reader may read, the nearest `limit` and all of `also`. */
  async nearest(
    question: Float32Array,
    {
      reader,
      language,
      limit,
      also,
    }: {
      readonly reader: Reader;
      readonly language: string;
      readonly limit: number;
      readonly also: ReadonlySet<string>;
    },
  ): Promise<readonly ScoredEntry[]> {
    const block = this.#block;
    if (block === undefined || block.width !== question.length) return [];
    const scored: ScoredEntry[] = [];
    let count = 0;
    for (const { entry, place } of [...this.#entries.values()]) {
      count += 1;
      if (count % scoredAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
      if (language !== "" && entry.language !== language) continue;
      if (!this.#mayRead(entry.articleId, reader)) continue;
      scored.push({ ...entry, similarity: block.similarity(question, place) });
    }
    scored.sort((left, right) => right.similarity - left.similarity);
    return scored.filter(({ id }, index) => index < limit || also.has(id));
  }

  #mayRead(articleId: string, reader: Reader): boolean {
    const projectIds = this.#restrictions.get(articleId);
    if (projectIds === undefined) return false;
    const organisationId = this.#organisationId;
    return mayRead({ organisationId, projectIds, isPublished: true }, reader);
  }
}

/** The shelves of the organisations that searched last. */
export class Shelves {
  readonly #shelves = new Map<string, Shelf>();
  readonly #make: (organisationId: string) => Shelf;
  readonly #bytesMax: number;

  constructor(given: {
    readonly database: Database<Schema>;
    readonly encoder: string;
    readonly world: World;
    readonly bytesMax: number;
  }) {
    this.#make = (organisationId) => new Shelf({ ...given, organisationId });
    this.#bytesMax = given.bytesMax;
  }

  /** An organisation's shelf, up to date. */
  async of(organisationId: string): Promise<Shelf> {
    const shelf = this.#shelves.get(organisationId) ?? this.#make(organisationId);
    this.#shelves.delete(organisationId);
    this.#shelves.set(organisationId, shelf);
    await shelf.refresh();
    this.#makeRoom(shelf);
    return shelf;
  }

  get byteLength(): number {
    let bytes = 0;
    for (const shelf of this.#shelves.values()) bytes += shelf.byteLength;
    return bytes;
  }

  #makeRoom(inUse: Shelf): void {
    let bytes = this.byteLength;
    for (const [organisationId, shelf] of this.#shelves) {
      if (bytes <= this.#bytesMax) return;
      if (shelf === inUse) continue;
      this.#shelves.delete(organisationId);
      bytes -= shelf.byteLength;
    }
  }
}
