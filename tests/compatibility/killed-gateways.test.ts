import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type MockEngine, mockEngine, startTandem, type Tandem } from "@tandem/libs/testing";
import { openTransports } from "./conformance/transports.ts";
import { openaiOf, pollResponse } from "./openai-background.suite.ts";
import { freshPrompt } from "./prompt.ts";
import type { Place } from "./target.ts";

/** Streams in every dialect and transport, while gateways are killed under them. */
let tandem: Tandem;
let engine: MockEngine;

before(async () => {
  const model = { id: "mock-1", contextTokens: 32_768 };
  engine = await mockEngine({ profile: "vllm", models: [model], tokensPerSecond: 40 });
  const price = { inputPerMillion: "1", outputPerMillion: "2" };
  const targets = [{ upstream: "mock", model: "mock-1" }];
  tandem = await startTandem({
    settings: {
      inference: { upstreams: [{ name: "mock", profile: "vllm", baseUrl: engine.baseUrl }] },
      models: { models: [{ ...model, price, capabilities: ["chat"], targets }] },
    },
  });
});
after(async () => {
  await tandem.stop();
  await engine.close();
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

async function killGateways(): Promise<void> {
  for (const name of ["ai-gateway-1", "ai-gateway-2"]) {
    const { processes } = await tandem.status();
    const before = processes.find((one) => one.name === name)?.deaths ?? 0;
    await tandem.kill(name);
    const isBack = (one: { name: string; state: string; deaths: number }): boolean =>
      one.name === name && one.state === "ready" && one.deaths > before;
    await tandem.until((status) => status.processes.some(isBack), 30_000);
  }
}

async function chargedFor(requestId: string): Promise<number> {
  const deadlineMs = performance.now() + 15_000;
  for (;;) {
    const answer = await fetch(`${tandem.adminUrl}/requests/${requestId}`, {
      headers: { authorization: `Bearer ${tandem.adminKey}` },
    });
    if (answer.ok) {
      const { charged } = (await answer.json()) as { charged: { amount: string } };
      return Number(charged.amount);
    }
    assert.ok(performance.now() < deadlineMs, `no record of ${requestId}`);
    await pause(100);
  }
}

test("what is streamed, or made in the background, goes on while every gateway is killed", async () => {
  const place: Place = {
    ...{ origin: tandem.origin, grpcAddress: tandem.grpcAddress },
    ...{ apiKey: tandem.apiKey, model: "mock-1" },
  };
  const transports = [...openTransports(place).values()];
  // WebSockets and streams of the background are their clients' to resume or open anew; text
  // completions need another engine.
  const apart = ["WebSocket", "Realtime", "Responses, background", "Text completions"];
  const streams = transports.filter(({ name, stream }) => stream && !apart.includes(name));
  assert.equal(streams.length, 7);
  const calls = engine.calls.length;
  const asked = streams.map(async (transport) => {
    const { content, expected } = freshPrompt(400);
    const answer = await transport.stream?.({ content });
    assert.equal(answer?.text, expected, transport.name);
    assert.equal(answer.usage?.completion, 400, transport.name);
    assert.deepEqual(answer.finishReasons, ["stop"], transport.name);
    const charged = await chargedFor(answer.requestId);
    assert.equal(charged, Number(answer.usage?.cost), transport.name);
  });
  const client = openaiOf(place);
  const background = freshPrompt(400);
  const input = background.content;
  const accepted = await client.responses.create({ model: "mock-1", input, background: true });
  const polled = pollResponse(client, accepted.id);
  const settled = Promise.allSettled([...asked, polled]);
  await engine.until(
    (all) => all.slice(calls).filter(({ piecesSent }) => piecesSent > 10).length >= 8,
    15_000,
  );
  await killGateways();
  await settled;
  await Promise.all(asked);
  const response = await polled;
  assert.equal(response.output_text, background.expected);
  assert.equal(response.usage?.output_tokens, 400);
  const { x_tandem: told } = response.usage as unknown as { x_tandem: { cost: string } };
  assert.equal(await chargedFor(response.id.replace("resp_", "req_")), Number(told.cost));
  for (const transport of transports) await transport.close?.();
});
