import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { createLog } from "../telemetry/index.ts";
import { realWorld } from "../world/index.ts";
import { createPublicServer } from "./public-server.ts";

for (const isHttp2Only of [false, true]) {
  const door = isHttp2Only ? "a door for HTTP/2 alone" : "the public door";
  test(`${door} notices that a client has gone away with its connection`, async (context) => {
    let aborted: () => void = () => undefined;
    const isAborted = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const server = createPublicServer({
      world: realWorld(),
      log: createLog({ level: "error", fields: {}, write: () => undefined }),
      onExchange: (exchange) => {
        exchange.onAbort(aborted);
        exchange.startStream(200, []);
        const timer = setInterval(() => exchange.write("event"), 10);
        exchange.onFinish(() => clearInterval(timer));
      },
      fastPath: true,
      isHttp2Only,
    });
    await server.listen("tcp:127.0.0.1:0");
    context.after(() => server.close({ deadlineMs: 0 }));
    const session = connectHttp2(server.address.replace("tcp:", "http://"));
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    stream.on("error", () => undefined);
    stream.end("{}");
    await new Promise((resolve) => stream.once("data", resolve));
    session.destroy();
    const late = new Promise((_resolve, reject) => {
      setTimeout(() => reject(new Error("it was not noticed")), 2_000).unref();
    });
    await Promise.race([isAborted, late]);
    while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  });
}
