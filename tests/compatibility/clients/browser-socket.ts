import { type ChatJson, chatJson, type ErrorJson, joinJson } from "../conformance/json-chat.ts";
import type { Transport } from "../conformance/transport.ts";
import { type Answer, type Ask, Joiner, type Options, Refusal } from "../conformance/transport.ts";
import type { Place } from "../target.ts";

/** A page of a browser, as far as it is needed here. */
export interface RunsInPage {
  run<Given, Result>(work: (given: Given) => Result, given: Given): Promise<Awaited<Result>>;
}

interface Message {
  readonly type: string;
  readonly request_id?: string;
  readonly data?: ChatJson;
  readonly error?: ErrorJson & { readonly reason: string; readonly retry_after_ms?: number };
}

/** `/v1/chat/ws` by the WebSocket of a browser's page, a connection for each question. */
export function pageTransport(page: RunsInPage, target: Place): Transport {
  const url = `${target.origin.replace("http", "ws")}/v1/chat/ws`;
  const run = async (ask: Ask, more: object, options: Options): Promise<Answer> => {
    const request = { ...chatJson(ask, target.model), ...more };
    const leavesAt = options.onText === undefined ? undefined : 1;
    const key = ask.key ?? target.apiKey;
    const first = await page.run(talk, { url, key, request, leavesAt: leavesAt ?? 0 });
    const joiner = new Joiner();
    const told = read(joiner, first, options);
    if (told !== undefined) return told;
    const rest = await page.run(talkOn, { isLeaving: options.signal?.aborted === true });
    const answer = read(joiner, rest, options);
    if (answer === undefined) throw new Error("it was left, or just ended");
    return answer;
  };
  return {
    name: "a browser's WebSocket",
    whole: (ask, options = {}) => run(ask, {}, options),
    stream: (ask, options = {}) => run(ask, { stream: true }, options),
  };
}

/** The answer, once these messages end it. */
function read(joiner: Joiner, lines: readonly string[], options: Options): Answer | undefined {
  for (const line of lines) {
    const message = JSON.parse(line) as Message;
    const before = joiner.text.length;
    if (message.data !== undefined) joinJson(joiner, message.data);
    if (joiner.text.length > before) options.onText?.(joiner.text.slice(before));
    if (message.type === "chat.done") return joiner.finish("");
    const { error } = message;
    if (error === undefined) continue;
    throw new Refusal({
      ...{ message: error.message, code: error.code, reason: error.reason },
      ...{ told: `\`${error.code}\``, retryAfterMs: error.retry_after_ms, partial: joiner.text },
    });
  }
  return undefined;
}

/** In the page: what comes until the end, or until there is something of a stream. */
function talk(given: {
  readonly url: string;
  readonly key: string;
  readonly request: object;
  readonly leavesAt: number;
}): Promise<readonly string[]> {
  const socket = new WebSocket(given.url, ["tandem.chat.v1", `tandem.key.${given.key}`]);
  const line = { socket, fresh: [] as string[], onEnd: () => undefined as unknown, pieces: 0 };
  Object.assign(globalThis, { line });
  return new Promise((resolve) => {
    line.onEnd = () => {
      line.onEnd = () => undefined;
      resolve(line.fresh.splice(0));
    };
    socket.onmessage = ({ data }) => {
      const { type, error } = JSON.parse(data);
      line.fresh.push(data);
      if (type === "session.created") {
        socket.send(JSON.stringify({ type: "chat.create", id: "a", request: given.request }));
      }
      if (type === "chat.chunk") line.pieces += 1;
      const isEnd = type === "chat.done" || type === "chat.canceled" || error !== undefined;
      // The first chunk may hold no words.
      const isEnough = given.leavesAt > 0 && line.pieces >= 4;
      if (isEnd || isEnough) line.onEnd();
    };
    socket.onclose = () => line.onEnd();
  });
}

/** In the page: the rest, or that it is left. */
function talkOn({ isLeaving }: { readonly isLeaving: boolean }): Promise<readonly string[]> {
  const { line } = globalThis as unknown as {
    line: { socket: WebSocket; fresh: string[]; onEnd: () => unknown };
  };
  if (isLeaving) line.socket.send('{"type":"chat.cancel","id":"a"}');
  return new Promise((resolve) => {
    const isEnd = (data: string): boolean =>
      /^\{"type":"(chat\.done|chat\.canceled|error)"/.test(data) || data.includes('"error":');
    const look = (): void => {
      if (!line.fresh.some(isEnd)) return;
      line.socket.close();
      resolve(line.fresh.splice(0));
    };
    line.onEnd = look;
    line.socket.onclose = () => resolve(line.fresh.splice(0));
    look();
  });
}
