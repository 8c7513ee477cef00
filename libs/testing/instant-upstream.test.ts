import assert from "node:assert/strict";
import { after, test } from "node:test";
import { idleModel, instantUpstream } from "./instant-upstream.ts";

const upstream = await instantUpstream({ listen: 0, events: 5, eventEveryMs: 2 });
after(() => upstream.close());
const url = `http://127.0.0.1:${upstream.port}/v1`;

function post(body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/chat/completions`, {
    method: "POST",
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

test("a whole answer is a chat completion of exactly the chosen size", async () => {
  const text = await (await post({ model: "mock-1", messages: [] })).text();
  assert.equal(text.length, 1_024);
  assert.equal(JSON.parse(text).object, "chat.completion");
});

test("a stream is events of the chosen size, then finish, usage and [DONE]", async () => {
  const text = await (await post({ model: "mock-1", stream: true, messages: [] })).text();
  const events = text.split("\n\n").slice(0, -1);
  assert.equal(events.length, 1 + 5 + 3);
  for (const event of events.slice(1, 6)) assert.equal(event.length + 2, 200);
  assert.equal(JSON.parse(events.at(-2)?.slice(6) ?? "").usage.total_tokens, 500);
  assert.equal(events.at(-1), "data: [DONE]");
});

test("an idle stream opens and then keeps still", async () => {
  const abort = new AbortController();
  const response = await post({ model: idleModel, stream: true }, abort.signal);
  const reader = response.body?.getReader();
  assert.match(Buffer.from((await reader?.read())?.value ?? []).toString(), /assistant/);
  abort.abort();
});

test("the models are listed with their context length", async () => {
  const body = (await (await fetch(`${url}/models`)).json()) as { data: { id: string }[] };
  assert.deepEqual(
    body.data.map(({ id }) => id),
    ["mock-1", idleModel],
  );
});
