import type { Contender, Place } from "./contender.ts";

/** No proxy at all: what a call costs in time when nothing stands in between. */
export function direct({ upstreamPort }: Place): Contender {
  return {
    name: "direct",
    version: "",
    pids: [],
    unary: { port: upstreamPort },
    stream: { port: upstreamPort },
    headers: {},
    stop: () => Promise.resolve(),
  };
}
