const shown = "[secret]";

/**
 * A value that must never be seen in a log, an error or a trace. Its text, JSON and inspected forms
 * are redacted; `reveal()` is the only way in, and easy to search for.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return shown;
  }
}
