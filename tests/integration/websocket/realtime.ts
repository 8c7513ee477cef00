import { WebSocket } from "ws";

export interface RealtimeEvent {
  readonly type: string;
  readonly event_id: string;
  readonly delta?: string;
  readonly text?: string;
  readonly item?: { readonly id: string; readonly type: string; readonly status: string };
  readonly session?: { readonly model: string; readonly instructions: string };
  readonly error?: { readonly code: string; readonly message: string; readonly event_id: unknown };
  readonly response?: {
    readonly id: string;
    readonly status: string;
    readonly status_details: { readonly reason?: string; readonly error?: { code: string } } | null;
    readonly usage: {
      readonly input_tokens: number;
      readonly output_tokens: number;
      readonly total_tokens: number;
    } | null;
  };
}

/** One connection to `/v1/realtime`, and all that came on it. */
export interface Realtime {
  readonly events: readonly RealtimeEvent[];
  readonly closed: Promise<number>;
  send(event: object): void;
  say(text: string): void;
  /** The next event of this type that nobody has waited for. */
  next(type: string): Promise<RealtimeEvent>;
  text(): string;
  close(): void;
}

const patienceMs = 30_000;

export async function openRealtime(
  origin: string,
  options: {
    readonly key?: string;
    readonly protocols?: readonly string[];
    readonly query?: string;
  },
): Promise<Realtime> {
  const { key, protocols = [], query = "?model=mock-1" } = options;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const url = `${origin.replace("http", "ws")}/v1/realtime${query}`;
  const socket = new WebSocket(url, [...protocols], { headers });
  const events: RealtimeEvent[] = [];
  const seen = new Set<RealtimeEvent>();
  let look: () => void = () => undefined;
  socket.on("message", (bytes) => {
    events.push(JSON.parse(String(bytes)) as RealtimeEvent);
    look();
  });
  const closed = new Promise<number>((resolve) => {
    socket.on("close", (code) => resolve(code));
  });
  await new Promise((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
  });
  const realtime: Realtime = {
    events,
    closed,
    send: (event) => socket.send(JSON.stringify(event)),
    say(text) {
      const content = [{ type: "input_text", text }];
      const item = { type: "message", role: "user", content };
      realtime.send({ type: "conversation.item.create", item });
    },
    next: (type) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          const last = JSON.stringify(events.slice(-5));
          reject(new Error(`no ${type} in ${patienceMs} ms: ${last}`));
        }, patienceMs);
        look = () => {
          const found = events.find((event) => event.type === type && !seen.has(event));
          if (found === undefined) return;
          clearTimeout(timer);
          seen.add(found);
          // What comes next is for whoever waits next.
          look = () => undefined;
          resolve(found);
        };
        look();
      }),
    text: () => events.map(({ type, delta }) => (type === deltaType ? delta : "")).join(""),
    close: () => socket.close(),
  };
  return realtime;
}

const deltaType = "response.output_text.delta";
