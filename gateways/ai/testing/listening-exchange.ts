import type { Exchange, RequestHead } from "@tandem/libs/http";

const none = (): void => undefined;

/**
 * The exchange of a client that only listens. What it is told is written down: what `wordsOf` finds
 * in each chunk, the reasons of faults, and `end` or `cut`.
 */
export function listeningExchange(
  head: RequestHead,
  wordsOf: (chunk: string) => readonly string[],
): { readonly told: string[]; readonly exchange: Exchange } {
  const told: string[] = [];
  const exchange: Exchange = {
    ...{ head, remoteAddress: "", protocol: "http/1.1" },
    ...{ readBody: () => Promise.resolve(Buffer.alloc(0)), streamBody: none },
    ...{ letBodyLinger: none, pauseBody: none, resumeBody: none, respond: none },
    ...{ onDrain: none, onAbort: none, onFinish: none, startStream: none },
    write: (chunk) => {
      told.push(...wordsOf(chunk.toString()));
      return true;
    },
    end: () => told.push("end"),
    cut: () => told.push("cut"),
    noteFault: ({ reason }) => told.push(reason),
  };
  return { told, exchange };
}
