import { after, before, describe, test } from "node:test";
import { cases } from "./conformance/cases.ts";
import { connectTransports } from "./conformance/connect.ts";
import { grpcTransport } from "./conformance/grpc.ts";
import { restTransport } from "./conformance/rest.ts";
import type { Transport } from "./conformance/transport.ts";
import { webSocketTransport } from "./conformance/websocket.ts";
import { openTarget, type Target } from "./target.ts";

let target: Target | undefined;
let transports: readonly Transport[] = [];

before(async () => {
  target = await openTarget();
  transports = [
    restTransport(target),
    grpcTransport(target),
    ...connectTransports(target),
    webSocketTransport(target),
  ];
});
after(async () => {
  for (const transport of transports) await transport.close?.();
  await target?.close();
});

const names = [
  ...["REST and SSE", "gRPC", "Connect JSON", "Connect binary", "gRPC-web"],
  "WebSocket",
];

for (const name of names) {
  describe(name, () => {
    for (const { name: what, needs, run } of cases) {
      test(`${needs}: ${what}`, async () => {
        const transport = transports.find((one) => one.name === name);
        const [rest] = transports;
        const whole = transport?.whole?.bind(transport);
        const ask =
          needs === "stream"
            ? transport?.stream?.bind(transport)
            : whole &&
              ((given: Parameters<typeof whole>[0], options = {}) =>
                whole(given, (options as { signal?: AbortSignal }).signal));
        if (target === undefined || rest === undefined || ask === undefined) {
          throw new Error(`${name} cannot be asked`);
        }
        await run({ name, ask, rest }, target);
      });
    }
  });
}
