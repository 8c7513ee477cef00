import type { CallerIdentity } from "@tandem/libs/gateway";
import { hasApiKeyForm } from "@tandem/libs/gateway";
import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { HotStore } from "@tandem/libs/store/hot";
import { newId } from "@tandem/libs/world";
import { isProblem } from "../core/request/generation-request.ts";
import { splitEvents } from "../core/stream/server-event.ts";
import { credentialOf, keyOf } from "../credential.ts";
import { restUnder } from "../dialects/openai/endpoints.ts";
import { readResponsesRequest } from "../dialects/responses/read-request.ts";
import { responseIdOf } from "../dialects/responses/responses-dialect.ts";
import { aiFaults } from "../faults.ts";
import { handOverBytesMax, handOverField, handOverLengthField } from "../hand-over/hand-over.ts";
import { answerRead, identify } from "../reads/answer-read.ts";
import type { Asked, ReadParts } from "../reads/read.ts";
import { checkRights, responsesReadAt, unknownResponse, unreachable } from "../reads/responses.ts";
import { AnswerDesk, type Wanted } from "../resume/answer-desk.ts";
import { AnswerListener } from "../resume/answer-listener.ts";
import type { MadeRequest } from "../resume/kept-answer-options.ts";
import { refuse, requestIdOf } from "../resume/resume-edge.ts";
import {
  newStreamMeta,
  responsePlace,
  type StreamPlace,
  type StreamStore,
} from "../resume/stream-store.ts";
import { AnsweredOnce } from "./answered-once.ts";
import { cancelResponse, responseOf } from "./background-answers.ts";
import { canceledEvents, failedEvents, failureIn, isLastOfResponse } from "./background-view.ts";
import { BackgroundWatch } from "./background-watch.ts";
import { GivenBody } from "./given-body.ts";
import type { RequestSeal } from "./request-seal.ts";
import { isResponseId } from "./response-store.ts";

/** How long a response waits for a hot store that is away. */
const storePatienceMs = 30_000;
/** How often somebody may go on with one: what kills its makers does not kill them all. */
const takeOversMax = 8;
const tooLong = {
  code: "response_too_long",
  message: "The response is longer than what is kept of one in the background. Stream it instead.",
};

/**
 * Responses in the background: accepted at once, made whoever listens, polled, streamed from any
 * event on and canceled at any replica. They are kept answers (`resume/`) that nobody has to
 * listen to, under their response's id; everything else passes by.
 */
export class BackgroundEdge {
  readonly #parts: ReadParts;
  readonly #next: ExchangeHandler;
  readonly #store: StreamStore;
  readonly #seal: RequestSeal;
  readonly #desk: AnswerDesk;
  readonly #watch: BackgroundWatch;
  #isClosing: boolean = false;

  constructor(given: {
    readonly parts: ReadParts;
    readonly hotStore: HotStore;
    readonly seal: RequestSeal;
    readonly next: ExchangeHandler;
  }) {
    const { parts, hotStore, seal, next } = given;
    const { world, log, config, responses } = parts;
    this.#parts = parts;
    this.#next = next;
    this.#seal = seal;
    this.#store = responses.answers;
    this.#desk = new AnswerDesk({
      ...{ parts, next, store: this.#store, bytesMax: config.responses.backgroundBytes },
      canceled: canceledEvents,
      backingOf: (place) => ({
        ...{ patienceMs: storePatienceMs, takeOversMax, tooLong },
        ...{ isLast: isLastOfResponse, failed: failedEvents, failureOf: failureIn },
        onLetGo: (listener) => void this.#follow(listener, place),
      }),
      onOver: (place, { meta }) => this.#over(place, meta.state),
    });
    this.#watch = new BackgroundWatch({
      ...{ world, log, hotStore, store: this.#store },
      places: () => this.#desk.places,
      takeOver: (place) => this.#desk.takeOver(this.#wanted(place)),
    });
  }

  readonly handle: ExchangeHandler = (exchange) => {
    const { path, method } = exchange.head;
    const rest = restUnder(path, "/responses");
    if (rest === undefined) this.#next(exchange);
    else if (rest !== "") this.#known(exchange, rest);
    else if (method === "POST") this.#run(exchange, this.#post(exchange));
    else this.#next(exchange);
  };

  /** What is not complete by then is gone on with by others. */
  async close(options: { readonly deadlineMs: number }): Promise<void> {
    this.#isClosing = true;
    this.#watch.rest();
    const { places } = this.#desk;
    await this.#desk.close(options);
    await this.#watch.leave(places);
  }

  #run(exchange: Exchange, run: Promise<void>): void {
    run.catch((error: unknown) => refuse(exchange, Fault.from(error), this.#parts));
  }

  #over(place: StreamPlace, state: string): void {
    if (state === "whole" || state === "cut") {
      void this.#store.forgetRequest(place).catch(() => undefined);
    } else if (!this.#isClosing) this.#watch.add(place);
  }

  /** The body says whether it is for the background: it is read here, and given to the phases. */
  async #post(exchange: Exchange): Promise<void> {
    if (!mayHaveKey(exchange, this.#parts)) {
      this.#next(exchange);
      return;
    }
    const { headers } = exchange.head;
    const isHandedOver = headers.has(handOverField);
    const beyond = isHandedOver ? handOverBytesMax : 0;
    const reading = exchange.readBody(this.#parts.config.bodyLimitBytes + beyond);
    const whole = await reading.catch(() => undefined);
    const requestBytes = Number(headers.get(handOverLengthField) ?? whole?.length);
    const body = isHandedOver ? whole?.subarray(0, requestBytes) : whole;
    const isStream = body === undefined ? undefined : streamWanted(body);
    if (whole === undefined || body === undefined || isStream === undefined) {
      this.#next(new GivenBody(exchange, reading));
      return;
    }
    const { identity } = await identify(exchange, this.#parts);
    const sent = splitEvents(whole.subarray(body.length)).filter((text) => !text.startsWith(":"));
    const told = isStream ? exchange : new AnsweredOnce(exchange);
    const listener = new AnswerListener(told, sent.length, { isNumbered: false });
    await this.#begin(exchange, { identity, body, listener, isHandedOver });
  }

  async #begin(
    exchange: Exchange,
    given: {
      readonly identity: CallerIdentity;
      readonly body: Buffer;
      readonly listener: AnswerListener;
      readonly isHandedOver: boolean;
    },
  ): Promise<void> {
    const { world, config } = this.#parts;
    const { identity, listener, isHandedOver: isOrphaned } = given;
    const { head, protocol, remoteAddress } = exchange;
    const requestId = requestIdOf(exchange, this.#parts);
    const place = responsePlace(identity.claims, responseIdOf(requestId));
    const request = { head, protocol, remoteAddress, body: asStream(given.body) };
    const maker = newId(world, "mak");
    const meta = newStreamMeta({ maker, requestId, fingerprint: "", isFenced: true });
    if (!(await this.#claim(place, { request, meta, isOrphaned }))) {
      await this.#desk.goOn(listener, this.#wanted(place), { isOrphaned });
    } else if (this.#desk.size >= config.responses.backgroundMax) {
      await this.#store.forget(place, meta);
      throw aiFaults.background_full({ retryAfterMs: 1_000 });
    } else this.#desk.begin({ place, meta, request, listener });
  }

  /** False where there is one already: the router asks again, or brings what was lost. */
  async #claim(
    place: StreamPlace,
    given: {
      readonly request: MadeRequest;
      readonly meta: ReturnType<typeof newStreamMeta>;
      readonly isOrphaned: boolean;
    },
  ): Promise<boolean> {
    const { request, meta, isOrphaned } = given;
    const sealed = this.#seal.seal(place, request);
    if (sealed.length > this.#parts.config.responses.backgroundRequestBytes) {
      throw aiFaults.background_too_large();
    }
    try {
      if (isOrphaned || (await this.#store.makerOf(place)) !== undefined) return false;
      await this.#store.keepRequest(place, sealed);
      return await this.#store.claim(place, meta);
    } catch (error) {
      return unreachable(error);
    }
  }

  #wanted(place: StreamPlace): Wanted {
    return {
      place,
      request: async () => {
        const sealed = await this.#store.request(place);
        return sealed === undefined ? undefined : this.#seal.open(place, sealed);
      },
    };
  }

  async #follow(listener: AnswerListener, place: StreamPlace): Promise<void> {
    try {
      await this.#desk.goOn(listener, this.#wanted(place), { isOrphaned: false });
    } catch (error) {
      refuse(listener.exchange, Fault.from(error), this.#parts);
    }
  }

  /** `{id}`, or `{id}/cancel`. */
  #known(exchange: Exchange, rest: string): void {
    const { method, query } = exchange.head;
    const [id = "", what = ""] = rest.split("/");
    const isOne = what === "" && (method === "GET" || method === "DELETE");
    const isCancel = what === "cancel" && method === "POST";
    if (!isResponseId(id) || (!isOne && !isCancel)) {
      this.#next(exchange);
      return;
    }
    const asked = new URLSearchParams(query);
    if (method === "GET" && asked.get("stream") === "true") {
      this.#run(exchange, this.#stream(exchange, { id, after: asked.get("starting_after") }));
      return;
    }
    const requestId = requestIdOf(exchange, this.#parts);
    const read = { methods: [method], answer: (given: Asked) => this.#answer(given, id) };
    void answerRead(exchange, this.#parts, { read, requestId });
  }

  async #answer(asked: Asked, id: string): Promise<string> {
    checkRights(asked);
    const { method, path } = asked.exchange.head;
    const place = responsePlace(asked.identity.claims, id);
    const known = await this.#store.read(place).catch(unreachable);
    const other = responsesReadAt(path);
    if (known === undefined && other !== undefined) return other.answer(asked);
    if (known === undefined || known.status === 0) throw unknownResponse(id);
    if (method !== "GET") {
      await cancelResponse(this.#store, place).catch(unreachable);
      this.#desk.abort(place);
      await this.#store.forgetRequest(place).catch(() => undefined);
    } else if (known.ended === undefined && !this.#desk.has(place)) this.#watch.add(place);
    if (method === "DELETE") {
      await this.#store.cancel(place).catch(unreachable);
      return other === undefined ? "" : other.answer(asked);
    }
    const response = await responseOf(this.#store, place).catch(unreachable);
    if (response === undefined) throw unknownResponse(id);
    return JSON.stringify(response);
  }

  async #stream(
    exchange: Exchange,
    { id, after }: { readonly id: string; readonly after: string | null },
  ): Promise<void> {
    if (after !== null && !/^\d{1,9}$/.test(after)) {
      throw aiFaults.invalid_parameter({
        publicMessage: "Invalid `starting_after`: it must be the number of an event.",
        context: { parameter: "starting_after" },
      });
    }
    const { identity } = await identify(exchange, this.#parts);
    checkRights({ identity });
    const place = responsePlace(identity.claims, id);
    const known = await this.#store.read(place).catch(unreachable);
    if (known === undefined || known.status === 0) throw unknownResponse(id);
    // Its own numbers begin at 0, and ours, of which 0 is none, at 1.
    const listener = new AnswerListener(exchange, after === null ? 0 : Number(after) + 1, {
      ...{ isNumbered: false, mayMove: false },
    });
    await this.#desk.goOn(listener, this.#wanted(place), { isOrphaned: false });
  }
}

/** Whether it is for the background, and then whether its events are wanted. */
function streamWanted(body: Buffer): boolean | undefined {
  if (!body.includes('"background"')) return undefined;
  const read = readResponsesRequest(body);
  return isProblem(read) || !read.isBackground ? undefined : read.request.isStream;
}

/** It is made as a stream whoever wants what of it: its events are what is kept. */
function asStream(body: Buffer): Buffer {
  const given = JSON.parse(body.toString()) as Readonly<Record<string, unknown>>;
  return given["stream"] === true ? body : Buffer.from(JSON.stringify({ ...given, stream: true }));
}

/** What cannot be a key is refused by the phases, before its body is read. */
function mayHaveKey({ head }: Exchange, { identities }: ReadParts): boolean {
  try {
    const credential = credentialOf(head.headers);
    return identities.find(credential) !== undefined || hasApiKeyForm(keyOf(credential));
  } catch {
    return false;
  }
}
