import {
  type EncodedFields,
  encodeFields,
  type HeaderFields,
  type HeaderList,
} from "@tandem/libs/http";

/** Header fields as they arrive: names in lower case, several of one name joined. */
export class Fields implements HeaderList {
  readonly #list: readonly (readonly [string, string])[];

  constructor(fields: HeaderFields | EncodedFields) {
    // Through the real encoder, so that a field no head may hold is refused here too.
    const lines = "lines" in fields ? fields.lines : encodeFields(fields).lines;
    this.#list = lines
      .split("\r\n")
      .filter((line) => line !== "")
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      });
  }

  get(name: string): string | undefined {
    const found = this.#list.filter(([own]) => own === name).map(([, value]) => value);
    return found.length === 0 ? undefined : found.join(", ");
  }

  has(name: string): boolean {
    return this.#list.some(([own]) => own === name);
  }

  entries(): Iterable<readonly [string, string]> {
    return this.#list;
  }
}
