import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@tandem/libs/testing";
import { listening, startPinned, versionOf } from "../pinned-process.ts";
import { type Absent, type Contender, type Place, pathCore } from "./contender.ts";

/** HAProxy as a bare reverse proxy: one thread, kept-alive connections on both sides, no log. */
export async function startHaproxy(place: Place): Promise<Contender | Absent> {
  const version = versionOf(["haproxy", "-v"]);
  if (version === undefined) return { name: "HAProxy", reason: "haproxy is not installed" };
  const port = await freePort();
  const file = join(place.folder, "haproxy.cfg");
  writeFileSync(file, configuration(place, port));
  const haproxy = startPinned(pathCore, ["haproxy", "-db", "-q", "-f", file]);
  await listening(port);
  return {
    name: "HAProxy",
    version,
    pids: haproxy.pids(),
    unary: { port },
    stream: { port },
    headers: {},
    stop: haproxy.stop,
  };
}

function configuration({ upstreamPort }: Place, port: number): string {
  return `
global
    nbthread 1
    maxconn 8000
defaults
    mode http
    http-reuse always
    option http-no-delay
    timeout connect 5s
    timeout client 600s
    timeout server 600s
listen door
    bind 127.0.0.1:${port}
    server mock 127.0.0.1:${upstreamPort} maxconn 8000
`;
}
