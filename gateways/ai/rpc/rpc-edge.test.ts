import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ChatCompletionRequestSchema,
  ChatCompletionSchema,
  EmbeddingsRequestSchema,
  EmbeddingsSchema,
  ListModelsResponseSchema,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { EnvelopeReader, encodeEnvelope, envelopeFlags, readTrailers } from "@tandem/libs/rpc";
import { freshPrompt, type GatewayBench, openBench } from "../testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench();
});
after(() => bench.close());

const grpcWeb = { "content-type": "application/grpc-web+proto" };
const service = "/tandem.v1.Inference";

interface Told {
  readonly status: number;
  readonly messages: readonly Buffer[];
  readonly trailers: Readonly<Record<string, string>>;
}

async function call(
  method: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = grpcWeb,
): Promise<Told> {
  const answer = await bench.post(`${service}/${method}`, body, headers);
  const envelopes = new EnvelopeReader(2 ** 30).add(answer.bytes);
  const isMessage = ({ flags }: { flags: number }): boolean => flags === envelopeFlags.message;
  const end = envelopes.find((envelope) => !isMessage(envelope));
  return {
    status: answer.status,
    messages: envelopes.filter(isMessage).map(({ message }) => message),
    trailers: Object.fromEntries(readTrailers(end?.message ?? Buffer.alloc(0))),
  };
}

function chat(content: string, model = "paid"): Buffer {
  const messages = [{ role: "user", content }];
  const request = create(ChatCompletionRequestSchema, { model, messages });
  return Buffer.from(toBinary(ChatCompletionRequestSchema, request));
}

function framed(message: Uint8Array, flags: number = envelopeFlags.message): Buffer {
  return encodeEnvelope(flags, message);
}

describe("what is not a proper call is refused in the protocol's own words", () => {
  const bad: readonly (readonly [name: string, body: () => Buffer, status: string])[] = [
    ["no body", () => Buffer.alloc(0), "3"],
    ["half a frame", () => framed(chat("x")).subarray(0, 7), "3"],
    ["two messages", () => Buffer.concat([framed(chat("x")), framed(chat("y"))]), "3"],
    ["bytes behind the message", () => Buffer.concat([framed(chat("x")), Buffer.from("z")]), "3"],
    ["a length of four gibibytes", () => Buffer.from([0, 255, 255, 255, 255, 1]), "3"],
    ["a message that is none", () => framed(Buffer.from([0x0a, 0xff, 0xff])), "3"],
    ["invalid UTF-8", () => framed(Buffer.from([0x0a, 2, 0xc3, 0x28])), "3"],
    ["a compressed message", () => framed(chat("x"), envelopeFlags.compressed), "12"],
    ["no messages", () => framed(Buffer.from([0x0a, 1, 0x61])), "3"],
  ];
  for (const [name, body, status] of bad) {
    test(name, async () => {
      const before = bench.first.calls.length + bench.second.calls.length;
      const told = await call("CreateChatCompletion", body());
      assert.equal(told.status, 200);
      assert.equal(told.trailers["grpc-status"], status, JSON.stringify(told.trailers));
      assert.notEqual(told.trailers["grpc-message"], "");
      assert.equal(told.messages.length, 0);
      assert.equal(bench.first.calls.length + bench.second.calls.length, before);
    });
  }

  test("an unknown operation, a wrong method, a wrong type", async () => {
    const unknown = await call("Sing", framed(chat("x")));
    assert.equal(unknown.trailers["grpc-status"], "12");
    assert.equal((await bench.get(`${service}/ListModels`)).status, 405);
    const typed = await bench.post(`${service}/ListModels`, "x", { "content-type": "text/plain" });
    assert.equal(typed.status, 415);
    assert.match(String(typed.headers["accept-post"]), /connect\+json/);
  });

  test("JSON that is not UTF-8: no other character is put there", async () => {
    const text = JSON.stringify({ model: "paid", messages: [{ role: "user", content: "\u0001" }] });
    const body = Buffer.from(text.replace("\\u0001", "?"));
    body[body.indexOf("?")] = 0xff;
    const json = { "content-type": "application/json" };
    const told = await bench.post(`${service}/CreateChatCompletion`, body, json);
    assert.equal(told.status, 400, told.text);
    assert.equal((told.json as { code: string }).code, "invalid_argument");
  });

  test("a member of `extra` that has a field of its own is named", async () => {
    const request = create(ChatCompletionRequestSchema, {
      model: "paid",
      messages: [{ role: "user", content: "x" }],
      extra: { stream: true },
    });
    const body = framed(toBinary(ChatCompletionRequestSchema, request));
    const { trailers } = await call("CreateChatCompletion", body);
    assert.equal(trailers["grpc-status"], "3");
    assert.match(trailers["grpc-message"] ?? "", /extra\.stream/);
  });
});

describe("what the contract has besides chat", () => {
  test("a seed beyond JSON's integers is refused, not rounded", async () => {
    const request = create(ChatCompletionRequestSchema, {
      model: "paid",
      messages: [{ role: "user", content: "x" }],
      seed: 2n ** 60n,
    });
    const body = framed(toBinary(ChatCompletionRequestSchema, request));
    assert.equal((await call("CreateChatCompletion", body)).trailers["grpc-status"], "3");
  });

  test("the models of the key, with what is known of them", async () => {
    const { messages } = await call("ListModels", framed(Buffer.alloc(0)));
    const { models } = fromBinary(ListModelsResponseSchema, messages[0] ?? Buffer.alloc(0));
    const paid = models.find(({ id }) => id === "paid");
    assert.equal(paid?.details?.["name"], "paid");
  });

  test("embeddings are those of the JSON API, to the last bit", async () => {
    const input = ["one text", "another"];
    const json = await bench.post("/v1/embeddings", { model: "paid", input });
    const { data } = json.json as { readonly data: readonly { readonly embedding: number[] }[] };
    const request = create(EmbeddingsRequestSchema, { model: "paid", input });
    const body = framed(toBinary(EmbeddingsRequestSchema, request));
    const { messages, trailers } = await call("CreateEmbeddings", body);
    assert.equal(trailers["grpc-status"], "0", JSON.stringify(trailers));
    const answer = fromBinary(EmbeddingsSchema, messages[0] ?? Buffer.alloc(0));
    const asFloats = (values: readonly number[]) => [...Float32Array.from(values)];
    assert.deepEqual(
      answer.data.map(({ values }) => values),
      data.map(({ embedding }) => asFloats(embedding)),
    );
    assert.ok((answer.usage?.promptTokens ?? 0n) > 0n);
  });

  test("the same prompt is answered from the same cache, whichever way it came", async () => {
    const { content, expected } = freshPrompt();
    await bench.chat(content, { temperature: 0 });
    const request = create(ChatCompletionRequestSchema, {
      ...{ model: "paid", messages: [{ role: "user", content }], temperature: 0 },
    });
    const body = framed(toBinary(ChatCompletionRequestSchema, request));
    const { messages } = await call("CreateChatCompletion", body);
    const answer = fromBinary(ChatCompletionSchema, messages[0] ?? Buffer.alloc(0));
    assert.equal(answer.choices[0]?.message?.content, expected);
    const asked = [...bench.first.calls, ...bench.second.calls];
    assert.equal(asked.filter(({ bodyText }) => bodyText.includes(content)).length, 1);
  });

  test("JSON is taken with either spelling of names", async () => {
    const { content, expected } = freshPrompt();
    const messages = [{ role: "user", content }];
    for (const name of ["maxTokens", "max_tokens"]) {
      const answer = await bench.post(`${service}/CreateChatCompletion`, {
        ...{ model: "paid", messages, [name]: 16 },
      });
      assert.equal(answer.status, 200, answer.text);
      const { choices } = answer.json as {
        readonly choices: readonly { readonly message: { readonly content: string } }[];
      };
      assert.equal(choices[0]?.message.content, expected);
    }
  });
});
