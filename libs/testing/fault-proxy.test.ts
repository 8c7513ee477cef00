import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Door, type FaultProxy, faultProxy, type ProxyFaults } from "./fault-proxy.ts";

const directory = mkdtempSync(join(tmpdir(), "fault-proxy-"));
const open = new Set<Socket>();
const echo = createServer({ allowHalfOpen: true }, (socket) => {
  open.add(socket);
  socket.on("error", () => undefined);
  socket.pipe(socket);
});
await new Promise<void>((resolve) => {
  echo.listen(0, "127.0.0.1", resolve);
});
const echoPort = (echo.address() as AddressInfo).port;
const proxies: FaultProxy[] = [];
after(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  for (const socket of open) socket.destroy();
  echo.close();
  rmSync(directory, { recursive: true });
});

async function start(faults: ProxyFaults = {}, listen: Door = 0): Promise<FaultProxy> {
  const proxy = await faultProxy({ target: echoPort, faults, listen });
  proxies.push(proxy);
  return proxy;
}

interface Outcome {
  readonly text: string;
  readonly error: string | undefined;
  readonly tookMs: number;
}

/** Sends `text` through the proxy, half-closes, and says what came back until the close. */
function talk(proxy: FaultProxy, text = "hello", patienceMs = 3_000): Promise<Outcome> {
  const startMs = performance.now();
  const { door } = proxy;
  return new Promise((resolve) => {
    const socket =
      typeof door === "string" ? connect(door) : connect({ port: door, host: "127.0.0.1" });
    let received = "";
    let problem: string | undefined;
    socket.setTimeout(patienceMs, () => {
      problem = "silent";
      socket.destroy();
    });
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      problem = error.code;
    });
    socket.on("close", () => {
      resolve({ text: received, error: problem, tookMs: performance.now() - startMs });
    });
    socket.end(text);
  });
}

test("without faults every byte and both ends pass, over TCP and Unix sockets", async () => {
  const long = "x".repeat(300_000);
  for (const listen of [0, join(directory, "proxy.sock")]) {
    const outcome = await talk(await start({}, listen), long);
    assert.equal(outcome.text.length, long.length);
    assert.equal(outcome.error, undefined);
  }
});

test("what is lost comes when it is sent again, whole and in order", async () => {
  const text = "x".repeat(200_000);
  const { text: echoed, tookMs } = await talk(await start({ up: { loss: 0.05 } }), text);
  assert.equal(echoed.length, text.length);
  assert.ok(tookMs >= 190, `${tookMs} ms`);
  assert.ok((await talk(await start({ up: { loss: 0 } }))).tookMs < 190);
});

test("latency is added to each direction that has it", async () => {
  const { tookMs, text } = await talk(
    await start({ up: { latencyMs: 30 }, down: { latencyMs: 30, jitterMs: 5 } }),
  );
  assert.equal(text, "hello");
  assert.ok(tookMs >= 59 && tookMs < 1_000, `${tookMs} ms`);
});

test("bandwidth is kept, and slices arrive in order", async () => {
  const bandwidth = await talk(
    await start({ down: { bytesPerSecond: 20_000 } }),
    "y".repeat(2_000),
  );
  assert.equal(bandwidth.text.length, 2_000);
  assert.ok(bandwidth.tookMs >= 95, `${bandwidth.tookMs} ms`);
  const text = "abcdefghijklmnopqrstuvwxyz";
  const sliced = await talk(await start({ up: { sliceBytes: 1, sliceEveryMs: 1 } }), text);
  assert.equal(sliced.text, text);
});

test("a byte limit lets exactly so many bytes through, then resets", async () => {
  const outcome = await talk(await start({ down: { limitBytes: 3 } }));
  assert.equal(outcome.text, "hel");
  assert.equal(outcome.error, "ECONNRESET");
});

test("a black hole swallows bytes and ends, one way or both", async () => {
  for (const faults of [{ up: { blackhole: true } }, { down: { blackhole: true } }]) {
    const outcome = await talk(await start(faults), "hello", 100);
    assert.deepEqual([outcome.text, outcome.error], ["", "silent"]);
  }
});

test("refusing and resetting look like a process that died", async () => {
  const proxy = await start();
  await proxy.set({ refuse: true });
  assert.equal((await talk(proxy)).error, "ECONNREFUSED");
  await proxy.set({ resetNew: true });
  assert.equal((await talk(proxy)).error, "ECONNRESET");
  await proxy.set({});
  assert.equal((await talk(proxy)).text, "hello");
});

test("all connections can be cut at once, and after a time", async () => {
  const proxy = await start({ down: { blackhole: true } });
  const talks = Promise.all([talk(proxy), talk(proxy)]);
  while (proxy.openConnections < 2) await new Promise(setImmediate);
  proxy.cutAll();
  assert.deepEqual(
    (await talks).map(({ error }) => error),
    ["ECONNRESET", "ECONNRESET"],
  );
  await proxy.set({ resetAfterMs: 20, down: { blackhole: true } });
  assert.equal((await talk(proxy)).error, "ECONNRESET");
});

test("corruption changes one byte of a chunk, the same one for the same seed", async () => {
  const first = await talk(await start({ up: { corruption: 1 } }));
  const second = await talk(await start({ up: { corruption: 1 } }));
  assert.notEqual(first.text, "hello");
  assert.equal(first.text.length, 5);
  assert.equal(first.text, second.text);
});

test("a slow close passes the end on later than the bytes", async () => {
  const { text, tookMs } = await talk(await start({ down: { slowCloseMs: 60 } }));
  assert.equal(text, "hello");
  assert.ok(tookMs >= 55, `${tookMs} ms`);
});
