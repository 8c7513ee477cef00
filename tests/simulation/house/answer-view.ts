import type { HeaderList } from "@tandem/libs/http";
import type { ClientOutcome, ClientRequest } from "../history.ts";

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly role?: string; readonly content?: string | null };
    readonly message?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
  readonly error?: { readonly code?: string; readonly type?: string };
}

/** What a client makes of the bytes it gets; as an SDK reads them, only stricter. */
export class AnswerView {
  readonly #request: ClientRequest;
  #rest = Buffer.alloc(0);
  #isStream: boolean = false;
  pieces = 0;

  constructor(request: ClientRequest) {
    this.#request = request;
  }

  head(status: number, headers: HeaderList): void {
    const request = this.#request;
    request.status = status;
    request.fields = Object.fromEntries(headers.entries());
    request.requestId = headers.get("x-request-id") ?? "";
    this.#isStream = (headers.get("content-type") ?? "").startsWith("text/event-stream");
  }

  chunk(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#isStream) return;
    for (;;) {
      const at = this.#rest.indexOf("\n\n");
      if (at < 0) return;
      const event = this.#rest.toString("utf8", 0, at);
      this.#rest = this.#rest.subarray(at + 2);
      this.#event(event);
    }
  }

  #event(event: string): void {
    const request = this.#request;
    for (const line of event.split("\n")) {
      if (!line.startsWith("data: ")) continue;
      if (line === "data: [DONE]") request.ends += 1;
      else this.#take(JSON.parse(line.slice("data: ".length)) as Chunk);
    }
  }

  #take({ choices = [], usage, error }: Chunk): void {
    const request = this.#request;
    if (error !== undefined) {
      request.errors += 1;
      request.errorCode = error.code ?? error.type ?? "error";
    }
    for (const { delta, message, finish_reason } of choices) {
      if (delta?.role !== undefined) request.roles += 1;
      request.text += delta?.content ?? message?.content ?? "";
      if (typeof finish_reason === "string") request.finishes += 1;
      this.pieces += 1;
    }
    if (usage?.completion_tokens !== undefined) request.completionTokens = usage.completion_tokens;
  }

  /** The connection ended in order: what does that come to? */
  end(): ClientOutcome {
    const request = this.#request;
    if (this.#isStream) return request.status === 200 && request.ends > 0 ? "whole" : "cut";
    try {
      this.#take(JSON.parse(this.#rest.toString()) as Chunk);
    } catch {
      return "cut";
    }
    if (request.status !== 200) return "refused";
    request.ends += 1;
    return "whole";
  }
}
