import type { HeaderList } from "@tandem/libs/http";

/** Fields that a request came with, below those of a call that is made of it; undefined hides one. */
export class CallHeaders implements HeaderList {
  readonly #opening: HeaderList;
  readonly #own: Readonly<Record<string, string | undefined>>;

  constructor(opening: HeaderList, own: Readonly<Record<string, string | undefined>>) {
    this.#opening = opening;
    this.#own = own;
  }

  get(name: string): string | undefined {
    if (Object.hasOwn(this.#own, name)) return this.#own[name];
    return this.#opening.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *entries(): Iterable<readonly [name: string, value: string]> {
    for (const [name, value] of Object.entries(this.#own)) {
      if (value !== undefined) yield [name, value];
    }
    for (const [name, value] of this.#opening.entries()) {
      if (!Object.hasOwn(this.#own, name)) yield [name, value];
    }
  }
}
