import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@tandem/libs/testing";
import { listening, startPinned, versionOf } from "../pinned-process.ts";
import { type Absent, type Contender, type Place, pathCore } from "./contender.ts";

/**
 * nginx as a bare reverse proxy: one worker, kept-alive connections on both sides, no access log,
 * bodies in memory. Streams have a door of their own, without buffering, as they need.
 */
export async function startNginx(place: Place): Promise<Contender | Absent> {
  const version = versionOf(["nginx", "-v"]);
  if (version === undefined) return { name: "nginx", reason: "nginx is not installed" };
  const [unary, stream] = [await freePort(), await freePort()];
  const file = join(place.folder, "nginx.conf");
  writeFileSync(file, configuration(place, unary, stream));
  const nginx = startPinned(pathCore, ["nginx", "-p", place.folder, "-c", file, "-e", "stderr"]);
  await listening(unary);
  return {
    name: "nginx",
    version,
    pids: nginx.pids(),
    unary: { port: unary },
    stream: { port: stream },
    headers: {},
    stop: nginx.stop,
  };
}

function configuration({ upstreamPort, folder }: Place, unary: number, stream: number): string {
  const server = (port: number, buffering: string): string => `
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location / {
        proxy_pass http://upstream_mock;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_buffering ${buffering};
      }
    }`;
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `    ${name}_temp_path ${join(folder, name)};`)
    .join("\n");
  return `
daemon off;
worker_processes 1;
pid ${join(folder, "nginx.pid")};
error_log stderr crit;
events { worker_connections 16384; }
http {
${paths}
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    client_body_buffer_size 128k;
    proxy_read_timeout 600s;
    upstream upstream_mock {
      server 127.0.0.1:${upstreamPort};
      keepalive 4096;
      keepalive_requests 1000000000;
    }${server(unary, "on")}${server(stream, "off")}
}
`;
}
