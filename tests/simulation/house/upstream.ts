import { createHttpServer, type Exchange } from "@tandem/libs/http";
import { mockStream, mockWhole, type SeededRandom } from "@tandem/libs/testing";
import { simulatedLog } from "../world/log.ts";
import type { SimulatedProcess } from "../world/machine.ts";

/** How a model server is, at the moment. */
export interface UpstreamMood {
  firstTokenMs: number;
  tokenMs: number;
  /** Chance that a call is answered by 500. */
  errors: number;
  /** Chance that an answer breaks in the middle. */
  cuts: number;
  /** Chance that an answer falls silent in the middle. */
  stalls: number;
  cpu: number | undefined;
  memory: number | undefined;
}

export const wellMood: UpstreamMood = {
  ...{ firstTokenMs: 40, tokenMs: 8, errors: 0, cuts: 0, stalls: 0 },
  ...{ cpu: undefined, memory: undefined },
};

interface AskedBody {
  readonly messages?: unknown;
  readonly stream?: boolean;
}

interface CallLife {
  isGone: boolean;
}

const habits = { answerTokens: 12, cachedTokens: 0, reasoningTokens: 0 };

/** A model whose text is a pure function of its prompt, as a server with moods. */
export class SimulatedUpstream {
  readonly mood: UpstreamMood = { ...wellMood };
  calls = 0;
  /** Calls that it is answering. */
  underWay = 0;
  readonly #random: SeededRandom;
  readonly #process: SimulatedProcess;

  constructor(process: SimulatedProcess, random: SeededRandom) {
    this.#process = process;
    this.#random = random;
  }

  async start(address: string): Promise<void> {
    const { world } = this.#process;
    const server = createHttpServer({
      ...{ world, log: simulatedLog(() => undefined) },
      onExchange: (exchange) => {
        if (exchange.head.path.endsWith("/models")) this.#tellModels(exchange);
        else void this.#answer(exchange);
      },
    });
    await server.listen(address);
  }

  #tellModels(exchange: Exchange): void {
    const fields: [string, string][] = [["content-type", "application/json"]];
    const { cpu, memory } = this.mood;
    if (cpu !== undefined) fields.push(["x-tandem-cpu", String(cpu)]);
    if (memory !== undefined) fields.push(["x-tandem-memory", String(memory)]);
    exchange.respond(200, fields, '{"object":"list","data":[{"id":"mock-1"}]}');
  }

  async #answer(exchange: Exchange): Promise<void> {
    this.calls += 1;
    this.underWay += 1;
    const life: CallLife = { isGone: false };
    exchange.onAbort(() => {
      life.isGone = true;
    });
    exchange.onFinish(() => {
      this.underWay -= 1;
    });
    const body = await exchange.readBody(1 << 22).catch(() => undefined);
    const { firstTokenMs, errors } = this.mood;
    await this.#process.pause(firstTokenMs * (0.7 + 0.6 * this.#random.fraction()));
    if (life.isGone || body === undefined) return;
    if (this.#random.fraction() < errors) {
      const text = '{"error":{"message":"CUDA out of memory","type":"server_error"}}';
      exchange.respond(500, [["content-type", "application/json"]], text);
      return;
    }
    await this.#speak(exchange, JSON.parse(body.toString()) as AskedBody, life);
  }

  async #speak(exchange: Exchange, asked: AskedBody, life: CallLife): Promise<void> {
    const envelope = { id: `up-${this.calls}`, created: 1_790_000_000 };
    const given = { habits, envelope: { ...envelope, usageStyle: "openai" as const } };
    const kind = asked.messages === undefined ? "completion" : "chat";
    if (asked.stream !== true) {
      const whole = mockWhole(kind, asked, given);
      await this.#process.pause(this.mood.tokenMs * 8);
      if (!life.isGone) exchange.respond(200, [["content-type", "application/json"]], whole);
      return;
    }
    const events = mockStream(kind, asked, given);
    exchange.startStream(200, [["content-type", "text/event-stream"]]);
    const breaks = this.#breakPoint(Buffer.concat(events).length);
    let sent = 0;
    for (const event of events) {
      await this.#process.pause(this.mood.tokenMs * (0.5 + this.#random.fraction()));
      if (life.isGone) return;
      if (breaks !== undefined && sent + event.length > breaks.atByte) {
        exchange.write(event.subarray(0, breaks.atByte - sent));
        if (breaks.way === "cut") exchange.cut();
        return;
      }
      exchange.write(event);
      sent += event.length;
    }
    exchange.end();
  }

  #breakPoint(bytes: number): { readonly atByte: number; readonly way: string } | undefined {
    const { cuts, stalls } = this.mood;
    const drawn = this.#random.fraction();
    if (drawn >= cuts + stalls) return undefined;
    return { atByte: this.#random.integer(bytes), way: drawn < cuts ? "cut" : "stall" };
  }
}
