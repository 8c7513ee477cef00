import { type ClientCall, createClientPool, type ResponseHandler } from "@tandem/libs/http";
import { promptHashOf, referenceText, type SeededRandom } from "@tandem/libs/testing";
import type { ClientRequest } from "../history.ts";
import type { SimulatedProcess } from "../world/machine.ts";
import { AnswerView } from "./answer-view.ts";
import type { IssuedKey, SimulatedTandem } from "./tandem.ts";

export interface RequestWish {
  readonly key: IssuedKey;
  readonly isStream: boolean;
  readonly tokens: number;
  readonly leavesAfter?: number | undefined;
  readonly mayBeCached?: boolean;
  /** The same text gives the same prompt; its own when absent. */
  readonly topic?: string;
  readonly patienceMs?: number;
  readonly isProbe?: boolean;
}

const routers = ["router-1", "router-2"];

/** A plain client behind one address for all routers: refused by one, it knocks at another. */
export class SimulatedClient {
  readonly #house: SimulatedTandem;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;

  constructor(house: SimulatedTandem) {
    this.#house = house;
    this.#process = house.beginProcess("client-1");
    this.#random = house.fork();
  }

  send(wish: RequestWish): ClientRequest {
    const { history } = this.#house;
    const number = history.requests.length;
    const content = `${wish.topic ?? `ask ${number}`} tokens=${wish.tokens}`;
    const request: ClientRequest = {
      number,
      keyId: wish.key.keyId,
      organisationId: wish.key.organisationId,
      isStream: wish.isStream,
      sentAtMs: this.#house.nowMs,
      reference: referenceText(promptHashOf([{ role: "user", text: content }]), wish.tokens),
      tokens: wish.tokens,
      patienceMs: wish.patienceMs ?? 60_000,
      leavesAfter: wish.leavesAfter,
      isProbe: wish.isProbe === true,
      mayBeCached: wish.mayBeCached === true,
      ...{ outcome: "open", endedAtMs: 0, router: "", requestId: "", status: 0, text: "" },
      ...{ ends: 0, finishes: 0, roles: 0, errorCode: "", errors: 0, fields: {} },
      completionTokens: undefined,
    };
    history.requests.push(request);
    new Conversation(
      { house: this.#house, process: this.#process, random: this.#random },
      {
        request,
        wish,
        content,
      },
    ).knock();
    return request;
  }
}

interface ClientParts {
  readonly house: SimulatedTandem;
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
}

interface Asked {
  readonly request: ClientRequest;
  readonly wish: RequestWish;
  readonly content: string;
}

/** One request on its way, from the first knock to its end. */
class Conversation implements ResponseHandler {
  readonly #parts: ClientParts;
  readonly #asked: Asked;
  readonly #view: AnswerView;
  readonly #tried: string[] = [];
  readonly #body: Buffer;
  #call: ClientCall | undefined;

  constructor(parts: ClientParts, asked: Asked) {
    this.#parts = parts;
    this.#asked = asked;
    this.#view = new AnswerView(asked.request);
    const { wish, content } = asked;
    this.#body = Buffer.from(
      JSON.stringify({
        model: "paid",
        messages: [{ role: "user", content }],
        max_tokens: wish.tokens + 8,
        ...(wish.mayBeCached === true && { temperature: 0 }),
        ...(wish.isStream && { stream: true, stream_options: { include_usage: true } }),
      }),
    );
    parts.process.after(asked.request.patienceMs, () => this.#leave());
  }

  knock(): void {
    const { process, random } = this.#parts;
    const { wish, request } = this.#asked;
    const left = routers.filter((name) => !this.#tried.includes(name));
    const name = left[random.integer(left.length)];
    if (name === undefined) {
      // Nobody listens: with a held socket the connection waits for the next router.
      this.#tried.length = 0;
      process.after(20, () => this.knock());
      return;
    }
    if (request.outcome !== "open") return;
    request.router = name;
    const pool = createClientPool({
      address: `unix:/sim/${name}/${name}.sock`,
      world: process.world,
    });
    this.#call = pool.send(
      {
        method: "POST",
        target: "/v1/chat/completions",
        headers: [
          ["authorization", `Bearer ${wish.key.key}`],
          ["content-type", "application/json"],
          ["host", "tandem.example"],
        ],
        body: this.#body,
        freshConnection: true,
      },
      this,
    );
  }

  onHead: ResponseHandler["onHead"] = ({ status, headers }) => {
    this.#view.head(status, headers);
  };

  onChunk: ResponseHandler["onChunk"] = (chunk) => {
    const { leavesAfter } = this.#asked.request;
    this.#view.chunk(chunk);
    if (leavesAfter !== undefined && this.#view.pieces >= leavesAfter) this.#leave();
  };

  onEnd: ResponseHandler["onEnd"] = () => {
    this.#close(this.#view.end());
  };

  onFailure: ResponseHandler["onFailure"] = ({ requestStarted, headReceived }) => {
    if (!requestStarted && !headReceived) {
      this.#tried.push(this.#asked.request.router);
      this.knock();
      return;
    }
    this.#close(headReceived ? "cut" : "unreachable");
  };

  #leave(): void {
    if (this.#asked.request.outcome !== "open") return;
    this.#call?.cancel();
    this.#close("left");
  }

  #close(outcome: ClientRequest["outcome"]): void {
    const { request } = this.#asked;
    if (request.outcome !== "open") return;
    request.outcome = outcome;
    request.endedAtMs = this.#parts.house.nowMs;
    this.#parts.house.trace(
      `client ${request.number} ${request.requestId} ${outcome} ${request.status} ` +
        `${request.errorCode} after ${(request.endedAtMs - request.sentAtMs).toFixed(0)} ms`,
    );
  }
}
