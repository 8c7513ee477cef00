import { nodeHttp } from "./node-http.ts";

const lines: (string | undefined)[] = [];

/** `HTTP/1.1 200 OK` with its CR LF. */
export function statusLine(status: number): string {
  let line = lines[status];
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${nodeHttp.STATUS_CODES[status] ?? "Status"}\r\n`;
    lines[status] = line;
  }
  return line;
}

/** RFC 9110, 6.4.1: answers that end with their head whatever their fields say. */
export function isBodiless(status: number, method: string): boolean {
  return method === "HEAD" || status === 204 || status === 304 || status < 200;
}
