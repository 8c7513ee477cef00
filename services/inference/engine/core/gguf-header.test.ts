import assert from "node:assert/strict";
import { test } from "node:test";
import { randomModel } from "../test-fixtures/random-gguf.ts";
import { readGgufHeader } from "./gguf-header.ts";
import { memoryEstimateBytes, shapeOfHeader } from "./model-shape.ts";

const file = randomModel({ contextTokens: 512 });

function headerOf(bytes: Buffer) {
  const reading = readGgufHeader(bytes);
  if (reading.kind !== "header") throw new Error(JSON.stringify(reading));
  return reading.header;
}

test("a model's shape is read from its header alone", () => {
  const reading = shapeOfHeader(headerOf(file));
  assert.equal(reading.kind, "shape");
  if (reading.kind !== "shape") return;
  const { shape } = reading;
  assert.equal(shape.architecture, "llama");
  assert.equal(shape.contextTokens, 512);
  assert.equal(shape.license, "CC0-1.0");
  assert.ok(shape.vocabulary > 256);
  assert.ok(shape.chatTemplate?.includes("<|im_start|>"));
  // 2 blocks × 2 heads × (16 + 16) values × 2 bytes
  assert.equal(shape.cacheBytesPerToken, 256);
  const use = { fileBytes: 1000, contextTokens: 100, batchTokens: 0 };
  assert.equal(memoryEstimateBytes(shape, use) - 64 * 1024 * 1024, 1000 + 25_600);
});

test("a header cut at any byte asks for more and never believes a half of it", () => {
  const { metadataBytes } = headerOf(file);
  for (let length = 0; length < metadataBytes; length += 1) {
    assert.deepEqual(readGgufHeader(file.subarray(0, length)), { kind: "more" });
  }
  assert.equal(readGgufHeader(file.subarray(0, metadataBytes)).kind, "header");
});

test("what is no GGUF file, or claims absurd sizes, is refused with the reason", () => {
  const html = Buffer.from("<!doctype html><html></html>".padEnd(64));
  assert.equal(readGgufHeader(html).kind, "refused");
  const oldVersion = Buffer.from(file);
  oldVersion.writeUInt32LE(1, 4);
  assert.equal(readGgufHeader(oldVersion).kind, "refused");
  for (const offset of [8, 16, 24]) {
    const absurd = Buffer.from(file);
    absurd.writeBigUInt64LE(2n ** 63n, offset);
    assert.equal(readGgufHeader(absurd).kind, "refused", `at ${offset}`);
  }
});

test("a flipped bit anywhere in the header ends in an answer, never in an exception", () => {
  const { metadataBytes } = headerOf(file);
  for (let at = 0; at < metadataBytes; at += 7) {
    const broken = Buffer.from(file.subarray(0, metadataBytes + 64));
    broken[at] = (broken[at] ?? 0) ^ (1 << (at % 8));
    const reading = readGgufHeader(broken);
    if (reading.kind === "header") shapeOfHeader(reading.header);
  }
});

test("a header without what a model needs is refused by name", () => {
  const header = { version: 3, tensors: 1, metadataBytes: 0, metadata: new Map() };
  const reading = shapeOfHeader(header);
  assert.deepEqual(reading, { kind: "refused", problem: "it names no architecture" });
});
