import { SilenceError } from "./faults.ts";
import type { Surroundings } from "./surroundings.ts";

export interface ConnectionOptions {
  readonly surroundings: Surroundings;
  readonly silenceMs: number;
  readonly url: string;
  readonly init: RequestInit;
  /** The caller's; what it aborts is aborted for good. */
  readonly signal: AbortSignal | undefined;
}

/**
 * One attempt: a request, and the answer as far as it comes. Gives up by itself when nothing is
 * heard for too long, since a frozen server never closes its connections.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #controller = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stopWaiting: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { signal } = options;
    if (signal?.aborted) this.#onCallerAbort();
    else signal?.addEventListener("abort", this.#onCallerAbort);
  }

  readonly #onCallerAbort = (): void => {
    this.#controller.abort(this.#options.signal?.reason);
  };

  /** Rejects when there is no answer. */
  async open(): Promise<Response> {
    const { surroundings, url, init } = this.#options;
    const { signal } = this.#controller;
    return this.#unlessSilent(() => surroundings.fetch(url, { ...init, signal }));
  }

  /** The next bytes; undefined at an orderly end. Rejects when the connection broke. */
  async read(response: Response): Promise<Uint8Array | undefined> {
    this.#reader ??= response.body?.getReader();
    const { value, done } = (await this.#unlessSilent(async () => this.#reader?.read())) ?? {
      value: undefined,
      done: true,
    };
    return done ? undefined : value;
  }

  /** All of it; what is cut is an error. */
  async readAll(response: Response): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const chunk = await this.read(response);
      if (chunk === undefined) break;
      chunks.push(chunk);
    }
    const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.close();
    return whole;
  }

  /** Reads on without telling anybody, so that the connection can be used for another request. */
  async drain(response: Response): Promise<void> {
    await this.readAll(response).catch(() => undefined);
    this.close();
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#stopWaiting();
    this.#options.signal?.removeEventListener("abort", this.#onCallerAbort);
    if (!this.#controller.signal.aborted) this.#controller.abort();
  }

  /** The caller reads the rest by itself, and its signal still ends it. */
  release(): void {
    this.#stopWaiting();
  }

  async #unlessSilent<T>(wait: () => Promise<T>): Promise<T> {
    const { surroundings, silenceMs } = this.#options;
    this.#stopWaiting = surroundings.after(silenceMs, () => {
      this.#controller.abort(new SilenceError(silenceMs));
    });
    try {
      return await wait();
    } finally {
      this.#stopWaiting();
    }
  }
}
