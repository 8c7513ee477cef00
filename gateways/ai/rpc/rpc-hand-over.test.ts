import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  type ChatCompletionChunk,
  ChatCompletionChunkSchema,
  ChatCompletionRequestSchema,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { EnvelopeReader, encodeEnvelope, envelopeFlags } from "@tandem/libs/rpc";
import { newId, realWorld } from "@tandem/libs/world";
import { createHandOverSeal } from "../hand-over/hand-over-seal.ts";
import { until } from "../testing/fake-platform.ts";
import { freshPrompt, type GatewayBench, openBench } from "../testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({ upstream: { profile: "vllm" }, engine: { profile: "vllm" } });
});
after(() => bench.close());

const world = realWorld();
/** With the pepper of the test house. */
const seal = createHandOverSeal(new Uint8Array(32).fill(7));
const path = "/tandem.v1.Inference/StreamChatCompletion";

const forms = {
  "application/grpc-web+proto": {
    request: (content: string) => toBinary(ChatCompletionRequestSchema, requestOf(content)),
    chunk: (bytes: Buffer) => fromBinary(ChatCompletionChunkSchema, bytes),
  },
  "application/connect+json": {
    request: (content: string) =>
      Buffer.from(toJsonString(ChatCompletionRequestSchema, requestOf(content))),
    chunk: (bytes: Buffer) => fromJsonString(ChatCompletionChunkSchema, bytes.toString()),
  },
} as const;

function requestOf(content: string) {
  const messages = [{ role: "user", content }];
  return create(ChatCompletionRequestSchema, { model: "paid", messages });
}

/** What was said, and everything else that may not change in the middle. */
function joined(chunks: readonly ChatCompletionChunk[]) {
  return {
    text: chunks.map(({ choices }) => choices[0]?.content ?? "").join(""),
    ids: [...new Set(chunks.map(({ id, model, created }) => `${id} ${model} ${created}`))],
    roles: chunks.map(({ choices }) => choices[0]?.role ?? "").join(""),
    ends: chunks.map(({ choices }) => choices[0]?.finishReason ?? "").join(""),
    completion: chunks.at(-1)?.usage?.completionTokens,
  };
}

for (const [contentType, form] of Object.entries(forms)) {
  test(`a stream of ${contentType} is gone on with after every message of it`, async () => {
    const { content, expected } = freshPrompt(9);
    const request = encodeEnvelope(envelopeFlags.message, form.request(content));
    const headers = { "content-type": contentType };
    const whole = await bench.post(path, request, headers);
    assert.ok(whole.headers["x-tandem-handover"], "it can be handed over");
    const envelopes = new EnvelopeReader(2 ** 20).add(whole.bytes);
    const messages = envelopes.slice(0, -1);
    const chunksOf = (of: typeof envelopes) =>
      of
        .filter(({ flags }) => flags === envelopeFlags.message)
        .map(({ message }) => form.chunk(message));
    const all = joined(chunksOf(envelopes));
    assert.equal(all.text, expected);
    for (let count = 1; count <= messages.length; count += 1) {
      const requestId = newId(world, "req");
      const sent = messages.slice(0, count);
      const rest = await bench.post(
        path,
        Buffer.concat([request, ...sent.map(({ bytes }) => bytes)]),
        {
          ...headers,
          "x-request-id": requestId,
          "x-tandem-handover": seal.seal({
            ...{ requestId, keyId: "key_1", model: "paid" },
            ...{ upstream: "two", upstreamModel: "mock-1", atMs: world.clock.nowMs() },
          }),
          "x-tandem-handover-request-bytes": String(request.length),
        },
      );
      const more = new EnvelopeReader(2 ** 20).add(rest.bytes);
      const end = more.at(-1);
      assert.deepEqual(joined(chunksOf([...sent, ...more])), all, `after ${count}`);
      assert.ok(end && end.flags !== envelopeFlags.message && !/error/.test(`${end.message}`));
      await until(() => bench.platform.quota.ledger.has(requestId));
      assert.equal(bench.platform.quota.ledger.get(requestId)?.outputTokens, 9);
    }
  });
}

test("what none of our replicas has begun is refused in the protocol's own words", async () => {
  const request = encodeEnvelope(
    envelopeFlags.message,
    forms["application/grpc-web+proto"].request("x"),
  );
  for (const bytes of ["0", "-1", "nonsense", "999999"]) {
    const answer = await bench.post(path, request, {
      "content-type": "application/grpc-web+proto",
      "x-tandem-handover": "forged",
      "x-tandem-handover-request-bytes": bytes,
    });
    assert.match(answer.text, /grpc-status: 7/);
  }
});
