/** Every dialect on every transport: the columns of the matrix. Another one is added here. */
import type { Place } from "../target.ts";
import { backgroundTransport } from "./background.ts";
import { both, type Mode } from "./case.ts";
import { connectTransports } from "./connect.ts";
import { grpcEmbeddings, grpcTransport } from "./grpc.ts";
import { httpTransport } from "./http.ts";
import { anthropicMessages } from "./messages.ts";
import { realtimeTransport } from "./realtime.ts";
import { responses } from "./responses.ts";
import {
  chatCompletions,
  embeddingsInBase64,
  embeddingsInFloats,
  textCompletions,
} from "./rest.ts";
import type { Transport } from "./transport.ts";
import { webSocketTransport } from "./websocket.ts";

export interface Column {
  readonly name: string;
  /** Words, or vectors, which have no end, no tools and no stream. */
  readonly gives: "words" | "vectors";
  readonly modes: readonly Mode[];
  /** Cases that mean nothing here, by their keys, and why. */
  readonly without: Readonly<Record<string, string>>;
}

const words = { gives: "words", modes: both, without: {} } as const;
const vectors = { gives: "vectors", modes: ["whole"], without: {} } as const;

export const columns: readonly Column[] = [
  { name: "Chat completions", ...words },
  {
    ...{ name: "Text completions", ...words },
    without: {
      tools: "a text that goes on has no tools",
      json: "a text that goes on has no format",
      reasoning: "a text that goes on is not thought about",
    },
  },
  { name: "Anthropic Messages", ...words },
  { name: "Responses", ...words },
  { name: "Responses, background", ...words },
  { name: "WebSocket", ...words },
  {
    ...{ name: "Realtime", ...words, modes: ["stream"] },
    without: {
      same: "every answer is a stream",
      json: "its events have no format",
      reasoning: "its events have no reasoning",
    },
  },
  { name: "gRPC", ...words },
  { name: "gRPC-web", ...words },
  { name: "Connect JSON", ...words },
  { name: "Connect binary", ...words },
  { name: "Embeddings", ...vectors },
  { name: "Embeddings, base64", ...vectors },
  { name: "Embeddings, gRPC", ...vectors },
];

/** The client of each column. */
export function openTransports(target: Place): ReadonlyMap<string, Transport> {
  const dialects = [
    ...[chatCompletions, textCompletions, anthropicMessages, responses],
    ...[embeddingsInFloats, embeddingsInBase64],
  ];
  const all = [
    ...dialects.map((dialect) => httpTransport(target, dialect)),
    ...connectTransports(target),
    grpcTransport(target),
    grpcEmbeddings(target),
    webSocketTransport(target),
    realtimeTransport(target),
    backgroundTransport(target),
  ];
  return new Map(all.map((transport) => [transport.name, transport]));
}
