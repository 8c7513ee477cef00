/**
 * What a page does. Each function is sent to the browser as its source, so it knows nothing of this
 * file: what it needs it is given, or imports there.
 */

export interface Place {
  /** Of the API: `http://127.0.0.1:4600`. */
  readonly origin: string;
  readonly key: string;
  readonly content: string;
}

/** One request by `fetch`, and all that a page can see of its answer. */
export async function ask(given: {
  readonly url: string;
  readonly key?: string;
  readonly body?: object;
  readonly credentials?: "include";
}) {
  const { url, key, body, credentials } = given;
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  try {
    const response = await fetch(url, {
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      ...(credentials !== undefined && { credentials }),
      headers,
    });
    const fields = Object.fromEntries(response.headers.entries());
    let text = "";
    let pieces = 0;
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      pieces += 1;
    }
    return { status: response.status, fields, text, pieces };
  } catch (error) {
    return { status: 0, fields: {}, text: String(error), pieces: 0 };
  }
}

/** OpenAI's client: a stream, and a refusal. */
export async function askOpenAi({ origin, key, content }: Place) {
  const { default: OpenAI } = await import("openai");
  const shared = { baseURL: `${origin}/v1`, dangerouslyAllowBrowser: true, maxRetries: 0 };
  const stream = await new OpenAI({ ...shared, apiKey: key }).chat.completions.create({
    ...{ model: "mock-1", stream: true },
    messages: [{ role: "user", content }],
  });
  let text = "";
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
  const nobody = new OpenAI({ ...shared, apiKey: "sk-nobody" });
  const refused = await nobody.models
    .list()
    .catch((error: InstanceType<typeof OpenAI.APIError>) => ({
      ...{ status: error.status, code: error.code, requestId: error.requestID },
    }));
  return { text, refused };
}

/** Anthropic's client: a stream. */
export async function askAnthropic({ origin, key, content }: Place) {
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  const client = new Anthropic({
    ...{ baseURL: origin, apiKey: key, dangerouslyAllowBrowser: true, maxRetries: 0 },
  });
  const request = { model: "mock-1", max_tokens: 600 };
  const messages = [{ role: "user" as const, content }];
  const message = await client.messages.stream({ ...request, messages }).finalMessage();
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** OpenAI's client with a `fetch` of ours: a stream that outlives its connections. */
export async function askThroughLosses({ origin, key, content }: Place) {
  const { default: OpenAI } = await import("openai");
  const { createFetch } = await import("@tandem/sdk");
  let retries = 0;
  const client = new OpenAI({
    ...{ baseURL: `${origin}/v1`, apiKey: key, dangerouslyAllowBrowser: true, maxRetries: 0 },
    fetch: createFetch({
      onRetry: () => {
        retries += 1;
      },
    }),
  });
  const stream = await client.chat.completions.create({
    ...{ model: "mock-1", stream: true },
    messages: [{ role: "user", content }],
  });
  let text = "";
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
  return { text, retries };
}

export interface Conversation {
  readonly url: string;
  readonly protocols: readonly string[];
  /** Sent once it is open, and once there is a session. */
  readonly onOpen?: readonly object[];
  readonly onSession: readonly object[];
  /** So many characters are told at once; otherwise when it is done, refused or closed. */
  readonly enough?: number;
}

/** What came on a `/v1/chat/ws`; it goes on being kept as `line` of the page. */
export interface Line {
  token: string;
  protocol: string;
  text: string;
  last: number;
  isDone: boolean;
  isCanceled: boolean;
  reason: string;
  closedWith: number;
}

/** One connection to `/v1/chat/ws`. */
export function converse({ url, protocols, onOpen = [], onSession, enough }: Conversation) {
  const line = {
    ...{ token: "", protocol: "", text: "", last: 0, isDone: false, isCanceled: false },
    ...{ reason: "", closedWith: 0 },
  };
  const socket = new WebSocket(url, [...protocols]);
  return new Promise<typeof line>((resolve) => {
    const say = (messages: readonly object[]): void => {
      for (const message of messages) socket.send(JSON.stringify(message));
    };
    socket.onopen = () => {
      line.protocol = socket.protocol;
      say(onOpen);
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      line.last = message.event ?? line.last;
      line.text += message.data?.choices[0]?.delta?.content ?? "";
      line.reason ||= message.error?.reason ?? "";
      line.isDone ||= message.type === "chat.done";
      line.isCanceled ||= message.type === "chat.canceled";
      if (message.type === "session.created") {
        line.token = message.session.token;
        say(onSession);
      }
      const isEnough = enough !== undefined && line.text.length >= enough;
      if (isEnough || line.isDone || line.isCanceled || line.reason) resolve(line);
    };
    const closed = new Promise<typeof line>((tell) => {
      socket.onclose = ({ code }) => {
        line.closedWith = code;
        resolve(line);
        tell(line);
      };
    });
    Object.assign(globalThis, { line: { socket, closed } });
  });
}

/** What the line had when it was lost. */
export function lostLine(_: object): Promise<Line> {
  return (globalThis as unknown as { line: { closed: Promise<Line> } }).line.closed;
}

/** Says one thing more on the line, and closes it; what had come by then. */
export async function cancelLine({ id }: { readonly id: string }): Promise<Line> {
  const { line } = globalThis as unknown as { line: { socket: WebSocket; closed: Promise<Line> } };
  line.socket.send(JSON.stringify({ type: "chat.cancel", id }));
  await new Promise((resolve) => {
    line.socket.addEventListener("message", ({ data }) => {
      if (JSON.parse(data).type === "chat.canceled") resolve(undefined);
    });
  });
  line.socket.close();
  return line.closed;
}

/** One response on `/v1/realtime`, canceled once `enough` characters have come. */
export function realtime(given: {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly content: string;
  readonly enough?: number;
}) {
  const socket = new WebSocket(given.url, [...given.protocols]);
  const seen = { protocol: "", text: "", status: "", closedWith: 0 };
  return new Promise<typeof seen>((resolve) => {
    const say = (event: object): void => socket.send(JSON.stringify(event));
    let isCanceled = false;
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.type === "session.created") {
        const content = [{ type: "input_text", text: given.content }];
        const item = { type: "message", role: "user", content };
        say({ type: "conversation.item.create", item });
        say({ type: "response.create" });
      }
      if (event.type === "response.output_text.delta") seen.text += event.delta;
      if (!isCanceled && seen.text.length >= (given.enough ?? Number.POSITIVE_INFINITY)) {
        isCanceled = true;
        say({ type: "response.cancel" });
      }
      if (event.type !== "response.done") return;
      Object.assign(seen, { protocol: socket.protocol, status: event.response.status });
      socket.close();
    };
    socket.onclose = ({ code }) => resolve(Object.assign(seen, { closedWith: code }));
  });
}
