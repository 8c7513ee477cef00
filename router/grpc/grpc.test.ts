import assert from "node:assert/strict";
import { connect } from "node:http2";
import { type TestContext, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from "@tandem/contracts/rpc/grpc/health/v1/health_pb";
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@tandem/contracts/rpc/grpc/reflection/v1/reflection_pb";
import type { Exchange } from "@tandem/libs/http";
import { encodeEnvelope, envelopeFlags, grpcWebContentType, streamEnd } from "@tandem/libs/rpc";
import { eventually, overTcp, start, type TestRouter } from "../testing/test-router.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
const form = { protocol: "grpc-web", codec: "proto" } as const;
const webFields = [["content-type", grpcWebContentType]] as const;
const echoPath = "/v1/echo/Echo";

async function connected(
  context: TestContext,
): Promise<{ readonly router: TestRouter; readonly client: Client; readonly origin: string }> {
  const router = await start(context, {});
  const origin = await overTcp(context, router);
  const client = new Client(origin.replace("http://", ""), credentials.createInsecure());
  context.after(() => client.close());
  return { router, client, origin };
}

const same = (bytes: Buffer): Buffer => bytes;

function unary(client: Client, path: string, message: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(message), (error, answer) => {
      if (error) reject(error);
      else resolve(answer ?? Buffer.alloc(0));
    });
  });
}

function isFailure(code: number): (error: ServiceError) => boolean {
  return (error) => {
    assert.equal(error.code, code, error.message);
    return true;
  };
}

function message(text: string): Buffer {
  return encodeEnvelope(envelopeFlags.message, Buffer.from(text));
}

test("health is told, and an unknown service has none", async (context) => {
  const { client } = await connected(context);
  const check = (service: string) =>
    unary(
      client,
      "/grpc.health.v1.Health/Check",
      toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })),
    );
  for (const service of ["", "tandem.v1.Inference"]) {
    assert.equal(fromBinary(HealthCheckResponseSchema, await check(service)).status, SERVING);
  }
  await assert.rejects(check("no.Such"), isFailure(status.NOT_FOUND));
  const list = await unary(client, "/grpc.health.v1.Health/List", Buffer.alloc(0));
  const { statuses } = fromBinary(HealthListResponseSchema, list);
  assert.equal(statuses["tandem.v1.Inference"]?.status, SERVING);
  await assert.rejects(
    unary(client, "/grpc.health.v1.Health/Cure", Buffer.alloc(0)),
    isFailure(status.UNIMPLEMENTED),
  );
});

test("a watch tells each change, and stays open for a service that nobody knows", async (context) => {
  const { client, router } = await connected(context);
  const watch = (service: string) => {
    const seen: number[] = [];
    const call = client.makeServerStreamRequest<Buffer, HealthCheckResponse>(
      "/grpc.health.v1.Health/Watch",
      same,
      (bytes) => fromBinary(HealthCheckResponseSchema, bytes),
      Buffer.from(
        toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })),
      ),
    );
    call.on("data", ({ status: now }: HealthCheckResponse) => seen.push(now));
    call.on("error", () => seen.push(-1));
    call.on("end", () => seen.push(-2));
    return { seen, call };
  };
  const known = watch("tandem.v1.Inference");
  const unknown = watch("no.Such");
  await eventually("both are told", () => known.seen.length === 1 && unknown.seen.length === 1);
  await router.gateway("ai-1").kill();
  await router.gateway("ai-2").kill();
  await eventually("it is no longer served", () => known.seen.at(-1) === NOT_SERVING);
  await router.gateway("ai-1").revive();
  await eventually("it is served again", () => known.seen.at(-1) === SERVING);
  assert.deepEqual(unknown.seen, [SERVICE_UNKNOWN]);
  known.call.cancel();
  unknown.call.cancel();
});

test("reflection lists the services, and gives every file that one needs", async (context) => {
  const { client } = await connected(context);
  for (const version of ["v1", "v1alpha"]) {
    const answers: ServerReflectionResponse[] = [];
    const call = client.makeBidiStreamRequest<Buffer, ServerReflectionResponse>(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      same,
      (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
    );
    let hasEnded = false;
    call.on("data", (answer: ServerReflectionResponse) => answers.push(answer));
    call.on("end", () => {
      hasEnded = true;
    });
    const ask = async (messageRequest: object): Promise<ServerReflectionResponse | undefined> => {
      const count = answers.length;
      const request = create(ServerReflectionRequestSchema, { messageRequest } as object);
      call.write(Buffer.from(toBinary(ServerReflectionRequestSchema, request)));
      // The stream stays open: the answer comes without its end.
      await eventually("an answer", () => answers.length > count);
      return answers.at(-1);
    };
    const listed = (await ask({ case: "listServices", value: "" }))?.messageResponse;
    assert.ok(listed?.case === "listServicesResponse");
    const names = listed.value.service.map(({ name }) => name);
    assert.ok(names.includes("tandem.v1.Inference") && names.includes("grpc.health.v1.Health"));
    const symbol = "tandem.v1.Inference.StreamChatCompletion";
    const found = (await ask({ case: "fileContainingSymbol", value: symbol }))?.messageResponse;
    assert.ok(found?.case === "fileDescriptorResponse");
    const files = found.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const present = new Set(files.map(({ name }) => name));
    for (const { dependency } of files) {
      for (const name of dependency) assert.ok(present.has(name), `${name} is missing`);
    }
    const missing = (await ask({ case: "fileByFilename", value: "no.proto" }))?.messageResponse;
    assert.ok(missing?.case === "errorResponse" && missing.value.errorCode === status.NOT_FOUND);
    call.end();
    await eventually("the end", () => hasEnded);
  }
});

test("a call whose replica dies before it answered is answered by the other", async (context) => {
  const { client, router } = await connected(context);
  let dropped = 0;
  const answer = (exchange: Exchange): void => {
    if (dropped === 0) {
      dropped += 1;
      exchange.cut();
      return;
    }
    const body = Buffer.concat([message("whole"), streamEnd(form, undefined, "")]);
    exchange.respond(200, webFields, body);
  };
  for (const name of ["ai-1", "ai-2"]) router.gateway(name).handle = answer;
  const whole = await unary(client, echoPath, Buffer.from("x"));
  assert.equal(whole.toString(), "whole");
  assert.equal(dropped, 1);
});

test("a stream whose replica dies ends as UNAVAILABLE, after what had come", async (context) => {
  const { client, router } = await connected(context);
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.startStream(200, webFields);
      exchange.write(message("one"));
      // Half of a message: nobody may see it.
      exchange.write(message("two").subarray(0, 6));
      setTimeout(() => exchange.cut(), 50);
    };
  }
  const seen: string[] = [];
  const call = client.makeServerStreamRequest<Buffer, Buffer>(
    echoPath,
    same,
    same,
    Buffer.from("x"),
  );
  call.on("data", (bytes: Buffer) => seen.push(bytes.toString()));
  const error = await new Promise<ServiceError>((resolve) => {
    call.on("error", resolve);
  });
  assert.equal(error.code, status.UNAVAILABLE, error.message);
  assert.equal(error.metadata.get("grpc-status-details-bin").length, 1);
  assert.deepEqual(seen, ["one"]);
});

test("an answer without trailers is not taken for a whole one", async (context) => {
  const { client, router } = await connected(context);
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => exchange.respond(200, webFields, message("half"));
  }
  await assert.rejects(unary(client, echoPath, Buffer.from("x")), isFailure(status.UNAVAILABLE));
});

test("without gateways a call is UNAVAILABLE, with its own words and details", async (context) => {
  const router = await start(context, { settings: { holdTimeoutMs: "100ms" } });
  const origin = await overTcp(context, router);
  const client = new Client(origin.replace("http://", ""), credentials.createInsecure());
  context.after(() => client.close());
  await router.gateway("ai-1").kill();
  await router.gateway("ai-2").kill();
  await assert.rejects(unary(client, echoPath, Buffer.from("x")), (error: ServiceError) => {
    assert.equal(error.code, status.UNAVAILABLE);
    assert.match(error.details, /not available/);
    return error.metadata.get("grpc-status-details-bin").length === 1;
  });
  await assert.rejects(
    unary(client, "/no.Service/Method", Buffer.from("x")),
    isFailure(status.NOT_FOUND),
  );
});

test("the client's own deadline ends a call at the gateway too", async (context) => {
  const { router, origin } = await connected(context);
  let left = 0;
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.onAbort(() => {
        left += 1;
      });
    };
  }
  const session = connect(origin);
  context.after(() => session.close());
  const stream = session.request({
    ":method": "POST",
    ":path": echoPath,
    "content-type": "application/grpc",
    "grpc-timeout": "300m",
  });
  const trailers = new Promise<Record<string, unknown>>((resolve) => {
    stream.on("trailers", resolve);
  });
  stream.resume();
  stream.end(message("x"));
  assert.equal((await trailers)["grpc-status"], String(status.DEADLINE_EXCEEDED));
  await eventually("the gateway heard of it", () => left === 1);
});

test("a client that cancels is gone at the gateway within 50 ms", async (context) => {
  const { client, router } = await connected(context);
  let arrived = 0;
  let leftMs = 0;
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      arrived += 1;
      exchange.onAbort(() => {
        leftMs = performance.now();
      });
    };
  }
  let quickestMs = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= 5 && quickestMs > 50; round += 1) {
    const call = client.makeUnaryRequest(echoPath, same, same, Buffer.from("x"), () => undefined);
    await eventually("it arrived", () => arrived === round);
    leftMs = 0;
    const fromMs = performance.now();
    call.cancel();
    await eventually("it left", () => leftMs > 0);
    quickestMs = Math.min(quickestMs, leftMs - fromMs);
  }
  assert.ok(quickestMs <= 50, `${quickestMs} ms`);
});
