import { type Answered, type Attempts, isEventStream, mayRetry } from "./attempts.ts";
import { dialectOf } from "./core/event-block.ts";
import { ResumingStream, type Verdict } from "./core/resuming-stream.ts";
import type { TandemError } from "./faults.ts";

const codes = {
  told: "stream_failed",
  unnumbered: "stream_broken",
  unfinished: "stream_unfinished",
} as const;

/**
 * The body of a stream, told over as many connections as it takes. What the caller reads is whole
 * events, each once and in order; it ends when the answer does, and otherwise with a `TandemError`.
 */
export class ToldStream {
  readonly #attempts: Attempts;
  readonly #stream: ResumingStream;
  readonly #encoder = new TextEncoder();
  #decoder = new TextDecoder();
  #current: Answered;

  constructor(attempts: Attempts, first: Answered) {
    this.#attempts = attempts;
    this.#stream = new ResumingStream(dialectOf(attempts.path));
    this.#current = first;
  }

  body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const told = await this.#next();
          if (told === undefined) controller.close();
          else controller.enqueue(this.#encoder.encode(told));
        },
        cancel: () => {
          this.#current.connection.close();
          this.#attempts.left();
        },
      },
      // Nothing is read that nobody asked for: a slow caller slows the server down.
      { highWaterMark: 0 },
    );
  }

  /** What comes next; undefined at the answer's end. */
  async #next(): Promise<string | undefined> {
    for (;;) {
      const heard = await this.#hear();
      if ("bytes" in heard) {
        const told = this.#stream.read(this.#decoder.decode(heard.bytes, { stream: true }));
        if (this.#stream.hasProgressed) this.#attempts.progressed();
        if (told !== "") return told;
        continue;
      }
      const { verdict, cause } = heard;
      if (verdict.kind === "end") return undefined;
      if (verdict.kind === "fail") throw this.#fault({ code: codes[verdict.why], cause });
      await this.#reopen(cause);
    }
  }

  async #hear(): Promise<Heard> {
    const { connection, response } = this.#current;
    if (this.#stream.isWhole) {
      void connection.drain(response);
      return { verdict: this.#stream.ended(), cause: undefined };
    }
    if (this.#stream.isUnsound) {
      this.#attempts.lost(connection);
      const cause = new Error("the numbers of the events do not fit together");
      return { verdict: this.#stream.broke(), cause };
    }
    try {
      const bytes = await connection.read(response);
      if (bytes !== undefined) return { bytes };
      connection.close();
      return { verdict: this.#stream.ended(), cause: undefined };
    } catch (cause) {
      this.#attempts.lost(connection);
      return { verdict: this.#stream.broke(), cause };
    }
  }

  /** Asks for the rest until somebody tells it. */
  async #reopen(why: unknown): Promise<void> {
    const after = this.#stream.last;
    let status: number | undefined;
    let cause = why;
    let delayMs: number | undefined = this.#stream.hasProgressed
      ? this.#attempts.pauseOfStream()
      : this.#attempts.delayAfter(undefined);
    for (;;) {
      if (delayMs === undefined) {
        throw this.#fault({ code: status ? "stream_refused" : "stream_broken", status, cause });
      }
      await this.#attempts.pause({ kind: "stream", delayMs, after, status, cause });
      const asked = await this.#attempts.ask(after);
      status = "error" in asked ? undefined : asked.response.status;
      if ("error" in asked) {
        cause = asked.error;
        delayMs = this.#attempts.delayAfter(undefined);
      } else if (isEventStream(asked.response)) {
        this.#current = asked;
        this.#decoder = new TextDecoder();
        this.#stream.opened();
        return;
      } else {
        cause = await refusalIn(asked);
        delayMs = this.#delayAfterRefusal(asked.response, cause);
      }
    }
  }

  #delayAfterRefusal(response: Response, cause: unknown): number | undefined {
    const { status } = response;
    if (status === 410) {
      if (this.#attempts.lacks()) return 0;
      throw this.#fault({ code: "stream_gone", status, cause });
    }
    if (mayRetry(response)) return this.#attempts.delayAfter(response);
    throw this.#fault({ code: "stream_refused", status, cause });
  }

  #fault(given: Parameters<Attempts["fault"]>[0]): TandemError {
    return this.#attempts.fault({ lastEventId: this.#stream.last, ...given });
  }
}

type Heard =
  | { readonly bytes: Uint8Array }
  | { readonly verdict: Verdict; readonly cause: unknown };

const refusalCharactersMax = 500;

/** What was said, as the cause of what the caller gets. */
async function refusalIn({ connection, response }: Answered): Promise<Error> {
  const bytes = await connection.readAll(response).catch(() => new Uint8Array());
  connection.close();
  const text = new TextDecoder().decode(bytes);
  return new Error(messageIn(text) ?? text.slice(0, refusalCharactersMax));
}

function messageIn(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly message?: unknown } };
    return typeof error?.message === "string" ? error.message : undefined;
  } catch {
    return undefined;
  }
}
