import assert from "node:assert/strict";
import { connect, createServer, type Server } from "node:net";
import { describe, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { openDoor } from "./held-door.ts";
import { findPortHolder, listeningInodes } from "./port-holder.ts";

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("openDoor", () => {
  test("connections wait while nobody accepts, and are served by who comes next", async () => {
    const door = await openDoor({ kind: "public", host: "127.0.0.1", port: 0 });
    assert.ok(door.port > 0);
    const early = connect(door.port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      early.once("connect", resolve);
      early.once("error", reject);
    });
    const greeting = new Promise<string>((resolve) => {
      early.setEncoding("utf8").once("data", resolve);
    });
    const router = createServer((socket) => socket.end("served"));
    router.listen({ fd: door.descriptor });
    assert.equal(await greeting, "served");
    await new Promise((resolve) => router.close(resolve));
  });

  test("a taken port is refused with its holder and the remedy", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const port = portOf(holder);
    try {
      await assert.rejects(openDoor({ kind: "public", host: "127.0.0.1", port }), (error) => {
        assert.ok(Fault.is(error));
        assert.equal(error.reason, "supervisor.port_taken");
        assert.match(error.publicMessage, new RegExp(`Port ${port} is in use by node.*pid`));
        assert.match(error.publicMessage, new RegExp(`--port ${port + 10}`));
        return true;
      });
      assert.equal(findPortHolder(port)?.pid, process.pid);
    } finally {
      holder.close();
    }
  });

  test("gRPC's own port is told apart, and how to do without it", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const port = portOf(holder);
    const wanted = { kind: "grpc", host: "127.0.0.1", port } as const;
    const told = new RegExp(
      `Port ${port} .gRPC. is in use by .*--grpc-port ${port + 10}.*--no-grpc`,
      "s",
    );
    await assert.rejects(openDoor(wanted), { publicMessage: told });
    holder.close();
  });

  test("of two that race for a port one wins", async () => {
    const first = await openDoor({ kind: "public", host: "127.0.0.1", port: 0 });
    await assert.rejects(
      openDoor({ kind: "public", host: "127.0.0.1", port: first.port }),
      /is in use/,
    );
    first.close();
    const second = await openDoor({ kind: "public", host: "127.0.0.1", port: first.port });
    second.close();
  });

  test("an address that is not this machine's is refused in words", async () => {
    await assert.rejects(
      openDoor({ kind: "public", host: "192.0.2.1", port: 0 }),
      /cannot be opened/,
    );
  });
});

test("only listening sockets of exactly this port are found in the kernel's table", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:11F8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1",
    "   1: 0100007F:11F8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 222 1",
    "   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1",
  ].join("\n");
  assert.deepEqual(listeningInodes(table, 4600), ["111"]);
});
