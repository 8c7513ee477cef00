/**
 * A gateway's way with a stream that breaks, in memory: the real readers, the real splicer and the
 * real request bodies between a model that is a pure function of its prompt and a client that reads
 * what it is given. So every byte of every answer can be the one on which it breaks.
 */
import { mockStream } from "@tandem/libs/testing";
import type { TokenUsage } from "../core/money/token-usage.ts";
import { readChatRequest } from "../core/request/chat-request.ts";
import { readCompletionRequest } from "../core/request/completion-request.ts";
import { type GenerationRequest, isProblem } from "../core/request/generation-request.ts";
import type { ContinuationReader } from "../core/splice/continuation-reader.ts";
import { spliceFacts } from "../core/splice/splice-facts.ts";
import { SpliceTally, tokensOf } from "../core/splice/splice-tally.ts";
import {
  type Continuation,
  type OpenChoice,
  Splicer,
  type Verdict,
} from "../core/splice/splicer.ts";
import type { AnswerReader } from "../core/stream/answer-reader.ts";
import { SentText } from "../core/stream/sent-text.ts";
import { StreamReader } from "../core/stream/stream-reader.ts";
import { adaptBody } from "../upstream/adapt-body.ts";
import { profileNamed } from "../upstream/profile-registry.ts";

/** How a stream breaks. The bytes that came may end anywhere, in half a line or half a character. */
export const waysToBreak = ["reset", "close", "stall", "half line", "bad json", "error"] as const;
export type WayToBreak = (typeof waysToBreak)[number];

export interface Cut {
  /** Bytes of the upstream's stream that come. */
  readonly atByte: number;
  readonly way: WayToBreak;
}

export interface Shape {
  readonly name: string;
  readonly kind: "chat" | "completion";
  /** The profile of all upstreams. */
  readonly profile: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly reasoningTokens?: number;
  /** Before this byte another draw is as right as the first one, since a choice is not begun. */
  readonly fromByte?: number;
}

/** What the client got, and how it ended. */
export interface SimulatedAnswer {
  readonly bytes: Buffer;
  readonly ending: "whole" | "told";
  /** Upstreams that went on with it. */
  readonly resumed: number;
  /** Undefined where nobody counted. */
  readonly usage: TokenUsage | undefined;
}

const habits = { answerTokens: 12, cachedTokens: 0 };

export class SpliceSimulation {
  readonly shape: Shape;
  readonly request: GenerationRequest;
  /** The answer of one upstream that does not break, as bytes on the wire. */
  readonly wire: Buffer;
  /** What a client of it gets. */
  readonly reference: SimulatedAnswer;
  readonly #pieceBytes: number;
  readonly #streams = new Map<string, Buffer>();

  /** Bytes come `pieceBytes` at a time: reads on a network end anywhere. */
  constructor(shape: Shape, pieceBytes = 97) {
    this.shape = shape;
    this.#pieceBytes = pieceBytes;
    const read = shape.kind === "chat" ? readChatRequest : readCompletionRequest;
    const request = read(Buffer.from(JSON.stringify({ model: "m", stream: true, ...shape.body })));
    if (isProblem(request)) throw new Error(request.message);
    this.request = { ...request, document: request.document.compact() };
    this.wire = this.#streamFor(this.#ask(undefined));
    this.reference = this.answer([]);
  }

  /** The answer when the first upstream's stream breaks at the first cut, the next one's at the next. */
  answer(cuts: readonly Cut[]): SimulatedAnswer {
    const sent = new SentText();
    let reader: AnswerReader = this.#reader();
    let turn = 0;
    // Nothing flowed: the next upstream is asked for all of it.
    while (!play(reader, sent, { wire: this.wire, cut: cuts[turn], step: this.#pieceBytes })) {
      turn += 1;
      if (sent.pieces > 0) return this.#goOn({ sent, reader, cuts, turn });
      reader = this.#reader();
    }
    return { bytes: whole(sent, reader), ending: "whole", resumed: 0, usage: reader.usage };
  }

  #goOn(broken: {
    readonly sent: SentText;
    readonly reader: AnswerReader;
    readonly cuts: readonly Cut[];
    readonly turn: number;
  }): SimulatedAnswer {
    const { sent, cuts } = broken;
    const splicer = new Splicer(spliceFacts(this.request), {
      resumesMax: 2,
      tokensMax: this.request.maxTokens,
    });
    const tally = new SpliceTally(this.reference.usage?.inputTokens ?? 0);
    let { reader, turn } = broken;
    let resumed = 0;
    const broke = (): Verdict =>
      splicer.broke({
        sent: sent.bytes,
        isWhole: sent.isWhole,
        heldFinish: reader.finishReason,
        isInTime: true,
      });
    let verdict = broke();
    if (verdict.kind !== "complete") tally.begin(splicer.committed.choices);
    for (;;) {
      if (verdict.kind === "end") return told(sent, resumed);
      if (verdict.kind === "complete") break;
      const { choice } = verdict;
      let last: ContinuationReader;
      if (verdict.kind === "finish") last = splicer.finished(choice);
      else {
        const tried = this.#tryToContinue({ splicer, choice, sent, cut: cuts[turn], tally });
        if (tried === undefined) return told(sent, resumed);
        turn += 1;
        last = tried.reader;
        reader = last;
        resumed += tried.hasSpoken ? 1 : 0;
        if (!tried.isWhole) {
          // A continuation that broke before a word of it came leaves everything as it was.
          if (tried.hasSpoken) verdict = broke();
          continue;
        }
      }
      reader = last;
      if (choice.isLast) break;
      sent.add(last.closingOfChoice());
      verdict = splicer.finishedChoice(sent.bytes);
    }
    const isOwn = verdict.kind === "complete" && resumed === 0;
    // Nobody counts the tokens of a call but its server, which may break before it says.
    const isCounted = !this.request.features.includes("tools") || reader.usage !== undefined;
    const usage = isOwn ? reader.usage : isCounted ? tally.usage : undefined;
    return { bytes: whole(sent, reader), ending: "whole", resumed, usage };
  }

  /** Undefined where no upstream of this kind can. */
  #tryToContinue(given: {
    readonly splicer: Splicer;
    readonly choice: OpenChoice;
    readonly sent: SentText;
    readonly cut: Cut | undefined;
    readonly tally: SpliceTally;
  }): { reader: ContinuationReader; isWhole: boolean; hasSpoken: boolean } | undefined {
    const { splicer, choice, sent, cut, tally } = given;
    const { continuation: form } = profileNamed(this.shape.profile);
    if (!splicer.suits(choice, { form, isSameModel: true })) return undefined;
    for (const mayBackUp of [true, false]) {
      const plan = splicer.plan(choice, { form, speech: { reasoningKey: undefined }, mayBackUp });
      const wire = this.#streamFor(this.#ask(plan));
      const before = sent.pieces;
      const isWhole = play(plan.reader, sent, { wire, cut, step: this.#pieceBytes });
      const hasSpoken = sent.pieces > before;
      if (plan.reader.failure?.kind === "diverged") continue;
      if (hasSpoken || isWhole) {
        tally.add({
          usage: plan.reader.usage,
          pieces: plan.reader.pieces,
          againTokens: plan.againTokens,
          prefixTokens: choice.committed === undefined ? 0 : tokensOf(choice.committed),
        });
      }
      return { reader: plan.reader, isWhole, hasSpoken };
    }
    return undefined;
  }

  #reader(): StreamReader {
    return new StreamReader({
      object: this.shape.kind === "chat" ? "chat.completion.chunk" : "text_completion",
      shownModel: "shown",
      reasoningKey: undefined,
      holdsToolCalls: this.request.features.includes("tools"),
      choices: this.request.choices,
    });
  }

  #ask(open: Continuation | undefined): string {
    return adaptBody(this.request, {
      profile: profileNamed(this.shape.profile),
      upstreamModel: "m",
      tokensMax: open?.tokensMax ?? this.request.maxTokens,
      messagesJson: undefined,
      open,
    }).toString();
  }

  /** Every upstream says of itself who it is, so that no envelope is by chance another's. */
  #streamFor(bodyText: string): Buffer {
    const known = this.#streams.get(bodyText);
    if (known !== undefined) return known;
    const { kind, reasoningTokens = 0 } = this.shape;
    const number = this.#streams.size + 1;
    const envelope = { id: `up-${number}`, created: 1_790_000_000 + number };
    const events = mockStream(kind, JSON.parse(bodyText), {
      habits: { ...habits, reasoningTokens },
      continuesLast: this.shape.profile === "llamacpp",
      envelope: { ...envelope, usageStyle: "openai" },
    });
    const wire = Buffer.concat(events);
    if (this.#streams.size < 10_000) this.#streams.set(bodyText, wire);
    return wire;
  }
}

/** Plays a stream to its reader as an attempt does; true when it came to its proper end. */
function play(
  reader: AnswerReader,
  sent: SentText,
  given: { readonly wire: Buffer; readonly cut: Cut | undefined; readonly step: number },
): boolean {
  const { wire, cut, step } = given;
  const end = Math.min(cut?.atByte ?? wire.length, wire.length);
  const before = sent.pieces;
  const take = (chunk: Buffer): boolean => {
    const piece = reader.push(chunk);
    const isStillborn = reader.failure !== undefined && sent.pieces === before;
    if (piece !== undefined && !isStillborn) sent.add(piece);
    return reader.failure === undefined && !reader.isSatisfied;
  };
  for (let at = 0; at < end; at += step) {
    if (!take(wire.subarray(at, Math.min(end, at + step)))) break;
  }
  if (reader.failure !== undefined) return false;
  if (reader.isSatisfied) return true;
  const last = cut === undefined ? undefined : lastWords(cut.way);
  if (last === "silence") return false;
  if (last !== undefined) take(Buffer.from(last));
  reader.end();
  return reader.isComplete;
}

/** What comes in place of the rest; "silence" where not even the end does. */
function lastWords(way: WayToBreak): string | undefined {
  switch (way) {
    case "reset":
    case "stall":
      return "silence";
    case "close":
      return undefined;
    case "half line":
      return '\n\ndata: {"id":"up-1","choices":[{"ind';
    case "bad json":
      return '\n\ndata: {"choices":[{"delta":\n\n';
    case "error":
      return '\n\ndata: {"error":{"message":"CUDA out of memory","code":"internal"}}\n\n';
  }
}

function told(sent: SentText, resumed: number): SimulatedAnswer {
  return { bytes: sent.bytes, ending: "told", resumed, usage: undefined };
}

function whole(sent: SentText, reader: AnswerReader): Buffer {
  return Buffer.concat([sent.bytes, reader.closing('{"usage":1}')]);
}
