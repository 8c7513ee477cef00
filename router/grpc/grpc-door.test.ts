import assert from "node:assert/strict";
import { connect } from "node:http2";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { encodeEnvelope, envelopeFlags, grpcWebContentType, streamEnd } from "@tandem/libs/rpc";
import { httpRequest } from "@tandem/libs/testing";
import { eventually, heldDoor, start, type TestRouter } from "../testing/test-router.ts";

const form = { protocol: "grpc-web", codec: "proto" } as const;
const echoPath = "/tandem.v1.Inference/Echo";

interface Doors {
  readonly router: TestRouter;
  readonly publicAddress: string;
  readonly grpcAddress: string;
  readonly grpcPort: number;
  readonly client: Client;
}

async function open(
  context: TestContext,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Doors> {
  const [publicDoor, grpcDoor] = [heldDoor(context), heldDoor(context)];
  const router = await start(context, {
    inheritedDescriptor: publicDoor.descriptor,
    grpcDescriptor: grpcDoor.descriptor,
    settings,
  });
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      void exchange.readBody(65_536).then((body) => {
        const answer = Buffer.concat([body, streamEnd(form, undefined, "")]);
        exchange.respond(200, [["content-type", grpcWebContentType]], answer);
      });
    };
  }
  const client = new Client(`127.0.0.1:${grpcDoor.port}`, credentials.createInsecure());
  context.after(() => client.close());
  const { address: publicAddress } = publicDoor;
  const { address: grpcAddress, port: grpcPort } = grpcDoor;
  return { router, publicAddress, grpcAddress, grpcPort, client };
}

const same = (bytes: Buffer): Buffer => bytes;

function call(client: Client, path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(text), (error, answer) => {
      if (error) reject(error);
      else resolve(String(answer));
    });
  });
}

test("calls of gRPC are served, its health too, and other paths refused in its own words", async (context) => {
  const { client } = await open(context);
  assert.equal(await call(client, echoPath, "hello"), "hello");
  assert.notEqual(await call(client, "/grpc.health.v1.Health/Check", ""), "");
  for (const path of ["/v1/echo/Echo", "/api/v1/x", "/livez", "/no.Such/Service"]) {
    await assert.rejects(call(client, path, ""), (error: ServiceError) => {
      assert.equal(error.code, status.UNIMPLEMENTED);
      assert.match(error.details, /Everything else is at the public port/);
      return true;
    });
  }
});

test("messages that are none are told apart from our own mistakes", async (context) => {
  const { client } = await open(context);
  const path = "/grpc.health.v1.Health/Check";
  await assert.rejects(call(client, path, "\u00ff\u00ff"), (error: ServiceError) => {
    assert.equal(error.code, status.INVALID_ARGUMENT);
    return true;
  });
});

test("REST is refused over HTTP/2 with 404, and HTTP/1.1 with 505, each with the remedy", async (context) => {
  const { router, grpcAddress, publicAddress } = await open(context);
  const session = connect(grpcAddress.replace("tcp:", "http://"));
  context.after(() => session.destroy());
  const stream = session.request({ ":path": "/v1/models" });
  let told: unknown;
  stream.on("response", (fields) => {
    told = fields[":status"];
  });
  const body = Buffer.concat(await stream.toArray()).toString();
  assert.equal(told, 404);
  assert.match(body, /router_grpc_only/);
  const refused = await httpRequest(grpcAddress, { path: "/v1/models" });
  assert.equal(refused.status, 505);
  assert.match(refused.text, /speaks HTTP\/2 only.*public port/);
  assert.equal(
    router.gateways.reduce((sum, { requests }) => sum + requests, 0),
    0,
  );
  // At the public door everything is as it was.
  assert.equal((await httpRequest(publicAddress, { path: "/v1/models" })).status, 200);
});

test("connections of both ports are capped, and told so by GOAWAY with ENHANCE_YOUR_CALM", async (context) => {
  const { grpcPort, publicAddress } = await open(context, { connections_per_address_max: 2 });
  for (const port of [grpcPort, Number(publicAddress.split(":").at(-1))]) {
    const one = net.connect(port, "127.0.0.1");
    context.after(() => one.destroy());
    await eventually("it is open", () => one.readyState === "open");
  }
  const second = connect(`http://127.0.0.1:${grpcPort}`);
  second.on("error", () => undefined);
  const code = await new Promise((resolve) => second.on("goaway", resolve));
  assert.equal(code, 11);
});

test("a router that drains lets calls finish and sends later ones elsewhere", async (context) => {
  const { router, client } = await open(context);
  let finish: (() => void) | undefined;
  for (const name of ["ai-1", "ai-2"]) {
    router.gateway(name).handle = (exchange) => {
      exchange.startStream(200, [["content-type", grpcWebContentType]]);
      finish = () => {
        exchange.write(encodeEnvelope(envelopeFlags.message, Buffer.from("late")));
        exchange.write(streamEnd(form, undefined, ""));
        exchange.end();
      };
    };
  }
  const answer = call(client, echoPath, "");
  await eventually("the call has come", () => finish !== undefined);
  const closed = router.replica.close({ deadlineMs: 5_000 });
  finish?.();
  assert.equal(await answer, "late");
  await closed;
});
