import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { promptHashOf, referenceText } from "@tandem/libs/testing";
import { createFetch } from "@tandem/sdk";
import Anthropic0 from "anthropic-sdk-0";
import OpenAI from "openai";
import OpenAI4 from "openai-4";
import OpenAI6 from "openai-6";
import { grpcTransport } from "../compatibility/conformance/grpc.ts";
import { type ChaosHouse, openChaosHouse } from "./kill-loop.ts";
import { pause } from "./waiting.ts";
import { isLedgerSound, settledCredit } from "./wallet.ts";

let house: ChaosHouse;

before(async () => {
  house = await openChaosHouse();
});
after(() => house?.close());

const model = "mock-1";

/** What a client was given, and what it says that it costs. */
interface Told {
  readonly text: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

interface Client {
  readonly name: string;
  ask(content: string): Promise<Told>;
}

/** The types of the versions differ in parts that nothing here touches. */
const openaiVersions = {
  "openai 7": OpenAI,
  "openai 6": OpenAI6 as unknown as typeof OpenAI,
  "openai 4": OpenAI4 as unknown as typeof OpenAI,
};
const anthropicVersions = {
  "anthropic 1": Anthropic,
  "anthropic 0": Anthropic0 as unknown as typeof Anthropic,
};

/** The clients as their makers ship them; all that is ours is their `fetch`. */
function clientsOf({ tandem }: ChaosHouse, retried: () => void): readonly Client[] {
  const given = {
    ...{ apiKey: tandem.apiKey, maxRetries: 0 },
    fetch: createFetch({ onRetry: retried }),
  };
  return [
    ...Object.entries(openaiVersions).flatMap(([name, Sdk]) =>
      openaiClients(name, new Sdk({ ...given, baseURL: tandem.baseUrl })),
    ),
    ...Object.entries(anthropicVersions).map(([name, Sdk]) =>
      anthropicClient(name, new Sdk({ ...given, baseURL: tandem.origin })),
    ),
  ];
}

const messagesOf = (content: string) => [{ role: "user" as const, content }];

function openaiClients(name: string, openai: OpenAI): readonly Client[] {
  return [
    {
      name: `${name} stream`,
      async ask(content) {
        const stream = await openai.chat.completions.create({
          ...{ model, messages: messagesOf(content), stream: true },
          stream_options: { include_usage: true },
        });
        let text = "";
        let usage: OpenAI.CompletionUsage | null | undefined;
        for await (const chunk of stream) {
          text += chunk.choices[0]?.delta.content ?? "";
          usage = chunk.usage ?? usage;
        }
        return { text, ...tokensOf(usage) };
      },
    },
    {
      name: `${name} whole`,
      async ask(content) {
        const messages = messagesOf(content);
        const answer = await openai.chat.completions.create({ model, messages });
        return { text: answer.choices[0]?.message.content ?? "", ...tokensOf(answer.usage) };
      },
    },
  ];
}

function anthropicClient(name: string, anthropic: Anthropic): Client {
  return {
    name: `${name} stream`,
    async ask(content) {
      const request = { model, max_tokens: 600, messages: messagesOf(content) };
      const { content: blocks, usage } = await anthropic.messages.stream(request).finalMessage();
      const text = blocks.map((block) => (block.type === "text" ? block.text : "")).join("");
      return { text, inputTokens: usage.input_tokens, outputTokens: usage.output_tokens };
    },
  };
}

function tokensOf(usage: OpenAI.CompletionUsage | null | undefined) {
  const { prompt_tokens: inputTokens = 0, completion_tokens: outputTokens = 0 } = usage ?? {};
  return { inputTokens, outputTokens };
}

/** Of a million tokens in and out: one dollar and two. */
const costNanos = ({ inputTokens, outputTokens }: Told): bigint =>
  BigInt(inputTokens) * 1_000n + BigInt(outputTokens) * 2_000n;

/** Every client asks again and again until told to stop; each answer is compared word for word. */
async function askWhile(
  clients: readonly Client[],
  given: { readonly each: number; readonly isRunning: () => boolean },
): Promise<{ readonly failures: string[]; readonly spentNanos: bigint; readonly asked: string[] }> {
  const failures: string[] = [];
  const asked: string[] = [];
  let spentNanos = 0n;
  const loop = async (client: Client): Promise<void> => {
    while (given.isRunning()) {
      const content = `router ${performance.timeOrigin} ${asked.length} tokens=40`;
      asked.push(content);
      const expected = referenceText(promptHashOf([{ role: "user", text: content }]), 40);
      const told = await client.ask(content).catch((error: unknown) => {
        failures.push(`${client.name}: ${String(error)} ${String((error as Error).cause)}`);
      });
      if (told === undefined) continue;
      spentNanos += costNanos(told);
      if (told.text !== expected) failures.push(`${client.name}: ${told.text} not ${expected}`);
    }
  };
  const loops = clients.flatMap((client) => Array.from({ length: given.each }, () => loop(client)));
  await Promise.all(loops);
  return { failures, spentNanos, asked };
}

/** Kills the processes of each round together, and comes back half a second after the last one. */
async function killInRounds(rounds: readonly (readonly string[])[]): Promise<number> {
  const { tandem } = house;
  let kills = 0;
  for (const names of rounds) {
    for (const name of names) {
      // One that is not up yet is killed as soon as it is.
      await tandem.until(
        ({ processes }) => processes.some((one) => one.name === name && one.state === "ready"),
        60_000,
      );
      await tandem.kill(name);
      kills += 1;
    }
    await pause(500);
  }
  return kills;
}

/** What the clients were told while `rounds` were killed, and what it was charged. */
async function tellThroughout(rounds: readonly (readonly string[])[]) {
  const { tandem, engine } = house;
  const beforeNanos = await settledCredit(tandem);
  const callsBefore = engine.calls.length;
  let retries = 0;
  let isRunning = true;
  const clients = clientsOf(house, () => {
    retries += 1;
  });
  const running = askWhile(clients, { each: 2, isRunning: () => isRunning });
  let kills = 0;
  try {
    await engine.until((calls) => calls.length >= callsBefore + 15, 60_000);
    kills = await killInRounds(rounds);
  } finally {
    isRunning = false;
  }
  const { failures, spentNanos, asked } = await running;
  const summary = `${kills} kills, ${asked.length} answers, ${retries} resumed or repeated`;
  assert.deepEqual(failures, [], summary);
  assert.ok(retries > kills, summary);
  assert.equal(beforeNanos - (await settledCredit(tandem)), spentNanos, "each was charged once");
  assert.ok(await isLedgerSound(tandem));
  return { asked, generated: engine.calls.length - callsBefore };
}

test("routers are killed one by one, and all at once: no token lost, doubled, charged twice", async () => {
  const [one, two] = [["router-1"], ["router-2"]];
  const both = ["router-1", "router-2"];
  const { asked, generated } = await tellThroughout([one, two, both, one, two, both]);
  assert.equal(generated, asked.length, "each was generated once");
});

test("gateways are killed too: another replica goes on with what the store has", async () => {
  const alone = [["ai-gateway-1"], ["ai-gateway-2"]];
  const withRouter = [
    ["ai-gateway-1", "router-1"],
    ["ai-gateway-2", "router-2"],
  ];
  await tellThroughout([...alone, ...withRouter]);
});

test("gRPC's own port is held: with every router dead, no connection of grpc-js is refused", async () => {
  const { tandem, engine } = house;
  const { origin, grpcAddress, apiKey } = tandem;
  const open = () => grpcTransport({ origin, grpcAddress, apiKey, model });
  const contentOf = (name: string, tokens: number) =>
    `grpc ${performance.timeOrigin} ${name} tokens=${tokens}`;
  const callsBefore = engine.calls.length;
  const old = open();
  const stream = old.stream?.({ content: contentOf("cut", 400) });
  const cut = assert.rejects(Promise.resolve(stream), { code: "unavailable" });
  await engine.until((calls) => calls.length > callsBefore, 30_000);
  const routers = ["router-1", "router-2"];
  await Promise.all(routers.map((name) => tandem.kill(name)));
  const isDead = ({ name, state }: { readonly name: string; readonly state: string }): boolean =>
    !routers.includes(name) || state !== "ready";
  await tandem.until(({ processes }) => processes.every(isDead));
  const clients = Array.from({ length: 5 }, open);
  const answers = clients.map(async (client, at) => {
    const content = contentOf(`${at}`, 20);
    const answer = await client.whole?.({ content });
    assert.equal(answer?.text, referenceText(promptHashOf([{ role: "user", text: content }]), 20));
  });
  await Promise.all([...answers, cut]);
  for (const client of [old, ...clients]) client.close?.();
});
