/** gRPC over TLS: the unmodified client of gRPC's own project at both ports. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { encodeEnvelope, envelopeFlags, grpcWebContentType, streamEnd } from "@tandem/libs/rpc";
import { selfSigned } from "@tandem/libs/testing";
import { eventually, heldDoor, start } from "../testing/test-router.ts";

const form = { protocol: "grpc-web", codec: "proto" } as const;
const name = "tandem.test";
const same = (bytes: Buffer): Buffer => bytes;

async function open(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "tandem-tls-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const { certificate, key } = selfSigned(name);
  const [certificatePath, keyPath] = [join(folder, "a.pem"), join(folder, "k.pem")];
  writeFileSync(certificatePath, certificate);
  writeFileSync(keyPath, key);
  const [publicDoor, grpcDoor] = [heldDoor(context), heldDoor(context)];
  const router = await start(context, {
    ...{ inheritedDescriptor: publicDoor.descriptor, grpcDescriptor: grpcDoor.descriptor },
    settings: { tls: { certificate_path: certificatePath, key_path: keyPath } },
  });
  const clientAt = (port: number, root = certificate): Client => {
    const trust = credentials.createSsl(Buffer.from(root));
    const options = { "grpc.ssl_target_name_override": name, "grpc.default_authority": name };
    const client = new Client(`127.0.0.1:${port}`, trust, options);
    context.after(() => client.close());
    return client;
  };
  return { router, publicPort: publicDoor.port, grpcPort: grpcDoor.port, clientAt };
}

function call(client: Client, path: string, deadlineMs = 5_000): Promise<string> {
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, answer?: Buffer): void => {
      if (error) reject(error);
      else resolve(String(answer));
    };
    client.makeUnaryRequest(path, same, same, Buffer.from(""), options, done);
  });
}

function failsWith(code: status): (error: ServiceError) => boolean {
  return (error) => {
    assert.equal(error.code, code, error.details);
    return true;
  };
}

test("calls, deadlines, cancellations, health and reflection work over TLS at both ports", async (context) => {
  const { router, publicPort, grpcPort, clientAt } = await open(context);
  const left: string[] = [];
  for (const gateway of router.gateways) {
    gateway.handle = (exchange) => {
      const { path } = exchange.head;
      exchange.onAbort(() => left.push(path));
      if (path.endsWith("Hang")) return;
      exchange.startStream(200, [["content-type", grpcWebContentType]]);
      exchange.write(encodeEnvelope(envelopeFlags.message, Buffer.from("word")));
      if (path.endsWith("Endless")) return;
      exchange.write(streamEnd(form, undefined, ""));
      exchange.end();
    };
  }
  for (const port of [publicPort, grpcPort]) {
    const client = clientAt(port);
    assert.equal(await call(client, "/tandem.v1.Inference/Echo"), "word");
    assert.notEqual(await call(client, "/grpc.health.v1.Health/Check"), "");
    const slow = call(client, "/tandem.v1.Inference/Hang", 300);
    await assert.rejects(slow, failsWith(status.DEADLINE_EXCEEDED));
    const path = "/tandem.v1.Inference/Endless";
    const stream = client.makeServerStreamRequest(path, same, same, Buffer.from(""));
    stream.on("error", () => undefined);
    await new Promise((resolve) => stream.once("data", resolve));
    left.length = 0;
    stream.cancel();
    await eventually("the gateway hears of it", () => left.includes(path));
    const reflection = client.makeBidiStreamRequest(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      ...([same, same] as const),
    );
    reflection.on("error", () => undefined);
    // `list_services`
    reflection.write(Buffer.from([0x3a, 0]));
    const [answer] = await new Promise<Buffer[]>((resolve) => {
      reflection.once("data", (...told: Buffer[]) => resolve(told));
    });
    assert.match(String(answer), /tandem\.v1\.Inference/);
    reflection.cancel();
  }
});

test("who does not trust the certificate, or speaks no TLS or no HTTP/2, is refused and no more", async (context) => {
  const { grpcPort, clientAt } = await open(context);
  const stranger = clientAt(grpcPort, selfSigned(name).certificate);
  await assert.rejects(call(stranger, "/x/Y", 2_000), (error: ServiceError) =>
    [status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(error.code),
  );
  const plain = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
  context.after(() => plain.close());
  await assert.rejects(call(plain, "/x/Y", 2_000), (error: ServiceError) =>
    [status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes(error.code),
  );
  const old = connect({
    ...{ port: grpcPort, host: "127.0.0.1", rejectUnauthorized: false },
    ALPNProtocols: ["http/1.1"],
  });
  let alert = "";
  old.on("error", (error: NodeJS.ErrnoException) => {
    alert = error.code ?? error.message;
  });
  await new Promise((resolve) => old.once("close", resolve));
  assert.match(alert, /NO_APPLICATION_PROTOCOL/);
  assert.notEqual(await call(clientAt(grpcPort), "/grpc.health.v1.Health/Check"), "");
});
