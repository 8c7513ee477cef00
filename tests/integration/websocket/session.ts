import { text } from "node:stream/consumers";
import { WebSocket } from "ws";

export interface SessionMessage {
  readonly type: string;
  readonly id?: string;
  readonly event?: number;
  readonly session?: { readonly token: string };
  readonly data?: { readonly choices: readonly { readonly delta?: { content?: string | null } }[] };
}

export interface SessionError {
  readonly id?: string;
  readonly error: { readonly code: string; readonly reason: string; readonly message: string };
}

/** One connection to `/v1/chat/ws`, and all that came on it. */
export interface Session {
  readonly token: string;
  readonly protocol: string;
  readonly messages: readonly SessionMessage[];
  readonly errors: readonly SessionError[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  send(message: object): void;
  sendText(text: string): void;
  create(id: string, request: object): void;
  text(id: string): string;
  lastEvent(id: string): number;
  isDone(id: string): boolean;
  until(what: () => boolean): Promise<void>;
  close(): void;
  /** Without a goodbye. */
  terminate(): void;
}

const patienceMs = 30_000;

export async function openSession(
  origin: string,
  options: {
    readonly key?: string | undefined;
    readonly protocols?: readonly string[];
    readonly query?: string;
  } = {},
): Promise<Session> {
  const { key, protocols = [], query = "" } = options;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const url = `${origin.replace("http", "ws")}/v1/chat/ws${query}`;
  const socket = new WebSocket(url, [...protocols], { headers });
  const messages: SessionMessage[] = [];
  const looks = new Set<() => void>();
  const look = (): void => {
    for (const one of [...looks]) one();
  };
  socket.on("message", (bytes) => {
    messages.push(JSON.parse(String(bytes)) as SessionMessage);
    look();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
  await new Promise((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
    // What it was refused with says more than its status does.
    socket.on("unexpected-response", (_request, response) => {
      text(response).then((body) => reject(new Error(`${response.statusCode} ${body}`)), reject);
    });
  });
  const of = (id: string) => messages.filter((message) => message.id === id);
  const sendText = (text: string): void => socket.send(text);
  const session: Session = {
    get token() {
      return messages.find((message) => message.session)?.session?.token ?? "";
    },
    get protocol() {
      return socket.protocol;
    },
    messages,
    get errors() {
      return messages.filter(({ type }) => type === "error") as unknown as SessionError[];
    },
    closed,
    sendText,
    send: (message) => sendText(JSON.stringify(message)),
    create: (id, request) => session.send({ type: "chat.create", id, request }),
    text: (id) =>
      of(id)
        .flatMap(({ data }) => data?.choices ?? [])
        .map(({ delta }) => delta?.content ?? "")
        .join(""),
    lastEvent: (id) => of(id).findLast(({ event }) => event !== undefined)?.event ?? 0,
    isDone: (id) => of(id).some(({ type }) => type === "chat.done"),
    until: (what) => untilSeen(what, looks, () => JSON.stringify(messages.slice(-5))),
    close: () => socket.close(),
    terminate: () => socket.terminate(),
  };
  if (key !== undefined) {
    await Promise.race([session.until(() => messages.length > 0), closed]);
  }
  return session;
}

/** Resolves once `what` is true, looked at whenever something came. */
function untilSeen(
  what: () => boolean,
  looks: Set<() => void>,
  describe: () => string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      looks.delete(check);
    };
    const check = (): void => {
      if (!what()) return;
      end();
      resolve();
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`not so: ${what} after ${describe()}`));
    }, patienceMs);
    looks.add(check);
    check();
  });
}
