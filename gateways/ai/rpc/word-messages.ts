import { toBinary } from "@bufbuild/protobuf";
import { ChatCompletionChunkSchema } from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { type WordChunk, wordsOnly } from "../core/stream/word-chunks.ts";
import { chatChunk } from "./answer-messages.ts";

interface ChunkJson extends WordChunk {
  readonly id?: string;
  readonly created?: number;
  readonly model?: string;
  readonly system_fingerprint?: string | null;
}

/** Field numbers and wire types of tandem.v1: `ChatCompletionChunk.choices`, `ChoiceDelta.content`. */
const choicesTag = 0x22;
const contentTag = 0x1a;
const headBytes = 5;

/**
 * The messages that a stream is made of, one after another with nothing new but some words, in
 * their frames. Written by hand, and what is the same in all of them once: half the time that
 * it takes by way of the message's object. Has the state of one stream.
 */
export class WordMessages {
  #name = "";
  #frame: WordFrame = { before: Buffer.alloc(0), behind: Buffer.alloc(0) };

  /** What stands around the words of the message that `frameOf` gave last. */
  get frame(): WordFrame {
    return this.#frame;
  }

  /** Undefined for what is more than words: that goes the long way. */
  frameOf(text: string): Buffer | undefined {
    const chunk = JSON.parse(text) as ChunkJson;
    const words = wordsOnly(chunk);
    if (words === undefined) return undefined;
    const { id = "", created = 0, model = "", system_fingerprint: fingerprint } = chunk;
    const name = `${id} ${created} ${model} ${fingerprint ?? ""}`;
    if (name !== this.#name) {
      this.#name = name;
      this.#frame = frameAround(chunk);
    }
    return framed(this.#frame, words);
  }
}

/** The fields before the choices, and behind them. */
export interface WordFrame {
  readonly before: Buffer;
  readonly behind: Buffer;
}

function frameAround({ choices: _choices, usage: _usage, ...head }: ChunkJson): WordFrame {
  const { system_fingerprint: fingerprint, ...first } = head;
  const bytesOf = (part: object): Buffer =>
    Buffer.from(toBinary(ChatCompletionChunkSchema, chatChunk(JSON.stringify(part))));
  return { before: bytesOf(first), behind: bytesOf({ system_fingerprint: fingerprint }) };
}

export function framed({ before, behind }: WordFrame, words: string): Buffer {
  const length = Buffer.byteLength(words);
  const choice = 1 + varintBytes(length) + length;
  const size = before.length + 1 + varintBytes(choice) + choice + behind.length;
  const frame = Buffer.allocUnsafe(headBytes + size);
  frame[0] = 0;
  frame.writeUInt32BE(size, 1);
  let at = headBytes + before.copy(frame, headBytes);
  frame[at] = choicesTag;
  at = writeVarint(frame, choice, at + 1);
  frame[at] = contentTag;
  at = writeVarint(frame, length, at + 1);
  at += frame.write(words, at);
  behind.copy(frame, at);
  return frame;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) bytes += 1;
  return bytes;
}

function writeVarint(into: Buffer, value: number, at: number): number {
  let rest = value;
  let to = at;
  for (; rest > 0x7f; to += 1) {
    into[to] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[to] = rest;
  return to + 1;
}
