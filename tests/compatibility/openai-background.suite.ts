import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { freshPrompt } from "./prompt.ts";
import type { Place, Target } from "./target.ts";

type Response = OpenAI.Responses.Response;

/** Polls as OpenAI's guide has it. */
export async function pollResponse(client: OpenAI, id: string): Promise<Response> {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (response.status !== "queued" && response.status !== "in_progress") return response;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

export function openaiOf({ origin, apiKey }: Pick<Place, "origin" | "apiKey">): OpenAI {
  return new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 });
}

/** Responses in the background, as OpenAI's own client asks for them. */
export function openaiBackgroundSuite(targetOf: () => Target): void {
  const wanted = (input: string) => ({ model: targetOf().model, input, background: true });
  describe("openai 7, responses in the background", () => {
    test("one is accepted, polled, gone on from, and cannot be cancelled any more", async () => {
      const client = openaiOf(targetOf());
      const { content, expected } = freshPrompt();
      const accepted = await client.responses.create(wanted(content));
      assert.ok(accepted.status === "queued" || accepted.status === "in_progress");
      const done = await pollResponse(client, accepted.id);
      assert.equal(done.status, "completed");
      assert.equal(done.output_text, expected);
      assert.ok((done.usage?.total_tokens ?? 0) > 0);
      assert.equal((await client.responses.cancel(done.id)).status, "completed");
      const next = { ...wanted("And then?"), previous_response_id: done.id, background: false };
      assert.equal((await client.responses.create(next)).status, "completed");
    });

    test("a stream that is left goes on, and is read on from where it was left", async () => {
      const client = openaiOf(targetOf());
      const { content, expected } = freshPrompt(60);
      targetOf().engine.pace({ tokensPerSecond: 100 });
      let id = "";
      let text = "";
      let last = -1;
      const stream = await client.responses.create({ ...wanted(content), stream: true });
      for await (const event of stream) {
        last = event.sequence_number;
        if (event.type === "response.created") id = event.response.id;
        if (event.type !== "response.output_text.delta") continue;
        text += event.delta;
        if (text.length > 40) break;
      }
      const rest = await client.responses.retrieve(id, { stream: true, starting_after: last });
      for await (const event of rest) {
        assert.equal(event.sequence_number, last + 1);
        last = event.sequence_number;
        if (event.type === "response.output_text.delta") text += event.delta;
      }
      targetOf().engine.pace({});
      assert.equal(text, expected);
      assert.equal((await client.responses.retrieve(id)).output_text, expected);
    });

    test("one is cancelled while it is made, and one that was not in the background never", async () => {
      const client = openaiOf(targetOf());
      targetOf().engine.pace({ tokensPerSecond: 50 });
      const { id } = await client.responses.create(wanted(freshPrompt(500).content));
      assert.equal((await client.responses.cancel(id)).status, "cancelled");
      assert.equal((await client.responses.cancel(id)).status, "cancelled");
      targetOf().engine.pace({});
      assert.equal((await pollResponse(client, id)).status, "cancelled");
      const other = { ...wanted(freshPrompt().content), background: false };
      const whole = await client.responses.create(other);
      await assert.rejects(client.responses.cancel(whole.id), OpenAI.BadRequestError);
      const kept = { ...wanted("x"), store: false };
      await assert.rejects(client.responses.create(kept), OpenAI.BadRequestError);
    });
  });
}
