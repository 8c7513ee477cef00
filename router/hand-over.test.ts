import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:http2";
import { describe, test } from "node:test";
import type { Exchange } from "@tandem/libs/http";
import { overTcp, start, type TestGateway, type TestRouter } from "./testing/test-router.ts";

const token = ["x-tandem-handover", "sealed"] as const;
const events = ["content-type", "text/event-stream"] as const;
const body = '{"stream":true}';

interface Seen {
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** The gateway gives the first words of a stream and waits to be killed; or goes on with one. */
function streaming(gateway: TestGateway, first: string, rest: string): Seen[] {
  const seen: Seen[] = [];
  gateway.handle = (exchange) => {
    void exchange.readBody(1_000_000).then((bytes) => {
      const names = ["x-tandem-handover", "x-tandem-handover-request-bytes", "x-request-id"];
      const fields = Object.fromEntries(
        names.map((name) => [name, exchange.head.headers.get(name)]),
      );
      seen.push({ fields, body: bytes.toString() });
      exchange.startStream(200, [events, token]);
      exchange.write(fields["x-tandem-handover"] === undefined ? first : rest);
      if (fields["x-tandem-handover"] !== undefined) exchange.end();
    });
  };
  return seen;
}

interface Asked {
  /** The client has the first words. */
  readonly begun: Promise<void>;
  readonly answer: Promise<{
    readonly text: string;
    readonly wasCut: boolean;
    readonly headers: IncomingHttpHeaders;
  }>;
}

function ask(router: TestRouter, headers: Readonly<Record<string, string>> = {}): Asked {
  const begun = Promise.withResolvers<void>();
  const answer = new Promise<Awaited<Asked["answer"]>>((resolve, reject) => {
    const socketPath = router.address.replace("unix:", "");
    const path = "/v1/chat/completions";
    const outgoing = request({ socketPath, method: "POST", path, headers, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      let text = "";
      incoming.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        begun.resolve();
      });
      incoming.on("error", () => undefined);
      incoming.on("close", () => {
        resolve({ text, wasCut: !incoming.complete, headers: incoming.headers });
      });
    });
    outgoing.end(body);
  });
  return { begun: begun.promise, answer };
}

/** Kills whoever gives the stream. */
async function killGiver(router: TestRouter, seen: readonly (readonly Seen[])[]): Promise<number> {
  const giver = seen.findIndex((each) => each.length > 0);
  await router.gateways[giver]?.kill();
  return giver;
}

describe("a stream whose gateway replica is lost", () => {
  test("goes on at another one, which gets the request and what the client has", async (context) => {
    const router = await start(context);
    const seen = router.gateways
      .slice(0, 2)
      .map((gateway) => streaming(gateway, "data: 1\n\ndata: 2\n\ndata: hal", "data: 3\n\n"));
    const asked = ask(router);
    await asked.begun;
    const giver = await killGiver(router, seen);
    const answer = await asked.answer;
    assert.equal(answer.text, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    assert.ok(!answer.wasCut);
    assert.equal(answer.headers["x-tandem-handover"], undefined, "the token is for the router");
    const [taken] = seen[1 - giver] ?? [];
    assert.equal(taken?.body, `${body}data: 1\n\ndata: 2\n\n`);
    assert.equal(taken?.fields["x-tandem-handover"], "sealed");
    assert.equal(taken?.fields["x-tandem-handover-request-bytes"], String(body.length));
    assert.equal(taken?.fields["x-request-id"], seen[giver]?.[0]?.fields["x-request-id"]);
  });

  test("over HTTP/2 as well", async (context) => {
    const router = await start(context);
    const seen = router.gateways
      .slice(0, 2)
      .map((gateway) => streaming(gateway, "data: 1\n\n", "data: 2\n\n"));
    const session = connect(await overTcp(context, router));
    context.after(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions" });
    stream.end(body);
    let text = "";
    const begun = new Promise((resolve) => {
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        resolve(text);
      });
    });
    const ended = new Promise((resolve, reject) => {
      stream.on("end", resolve);
      stream.on("error", reject);
    });
    await begun;
    await killGiver(router, seen);
    await ended;
    assert.equal(text, "data: 1\n\ndata: 2\n\n");
    assert.equal(stream.rstCode, 0);
  });

  test("waits for the only replica to come back", async (context) => {
    const router = await start(context, { ai: 1 });
    const [gateway] = router.gateways;
    assert.ok(gateway);
    const seen = [streaming(gateway, "data: 1\n\n", "data: 2\n\n")];
    const asked = ask(router);
    await asked.begun;
    await killGiver(router, seen);
    await gateway.revive();
    assert.equal((await asked.answer).text, "data: 1\n\ndata: 2\n\n");
  });

  test("is cut where it cannot go on: no token, refused, or ended on purpose", async (context) => {
    const router = await start(context);
    const givers = router.gateways.slice(0, 2);
    const giveAndBreak = (write: (exchange: Exchange) => void): void => {
      for (const gateway of givers) {
        gateway.handle = (exchange) => {
          void exchange.readBody(1_000_000).then(() => {
            write(exchange);
            setTimeout(() => exchange.cut(), 30);
          });
        };
      }
    };
    giveAndBreak((exchange) => {
      exchange.startStream(200, [events]);
      exchange.write("data: 1\n\n");
    });
    assert.ok((await ask(router).answer).wasCut, "without a token");
    giveAndBreak((exchange) => {
      exchange.startStream(200, [events, token]);
      exchange.write('data: {"error":{}}\n\n: ended\n\n');
    });
    const before = givers.reduce((sum, { requests }) => sum + requests, 0);
    const ended = await ask(router).answer;
    assert.ok(ended.wasCut, "ended on purpose");
    assert.equal(
      givers.reduce((sum, { requests }) => sum + requests, 0),
      before + 1,
    );
    giveAndBreak((exchange) => {
      if (exchange.head.headers.has("x-tandem-handover")) exchange.respond(403, [], "no");
      exchange.startStream(200, [events, token]);
      exchange.write("data: 1\n\n");
    });
    const refused = await ask(router).answer;
    assert.ok(refused.wasCut, "refused");
    assert.equal(refused.text, "data: 1\n\n");
  });

  test("cannot be made up by a client: its own fields never reach a gateway", async (context) => {
    const router = await start(context);
    const seen = router.gateways
      .slice(0, 2)
      .map((gateway) => streaming(gateway, "data: 1\n\n", "never"));
    const forged = { "x-tandem-handover": "forged", "x-tandem-handover-request-bytes": "3" };
    await ask(router, forged).begun;
    const [first] = seen.flat();
    assert.equal(first?.fields["x-tandem-handover"], undefined);
    assert.equal(first?.fields["x-tandem-handover-request-bytes"], undefined);
  });

  test("leaves a replica that is frozen for long", async (context) => {
    const router = await start(context, {
      settings: { probePeriodMs: "50ms", probeTimeoutMs: "100ms" },
    });
    const seen = router.gateways
      .slice(0, 2)
      .map((gateway) => streaming(gateway, "data: 1\n\n", "data: 2\n\n"));
    const asked = ask(router);
    await asked.begun;
    const giver = router.gateways[seen.findIndex((each) => each.length > 0)];
    assert.ok(giver);
    giver.isFrozen = true;
    assert.equal((await asked.answer).text, "data: 1\n\ndata: 2\n\n");
  });
});
