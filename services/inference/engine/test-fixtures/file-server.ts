/** A web server on loopback whose files and faults a test chooses. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedFile {
  readonly bytes: Buffer;
  readonly type?: string;
  /** After how many bytes of its body each of the first answers is cut. */
  readonly cuts?: readonly number[];
  /** Answers ranges; true unless said otherwise. */
  readonly resumes?: boolean;
}

export interface FileServer {
  readonly url: string;
  /** Method, path and range of every request so far. */
  readonly requests: readonly string[];
  readonly headers: readonly IncomingMessage["headers"][];
  close(): Promise<void>;
}

export type Served = Readonly<Record<string, ServedFile | ((response: ServerResponse) => void)>>;

export async function serveFiles(files: Served | ((url: string) => Served)): Promise<FileServer> {
  const requests: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const answered = new Map<string, number>();
  let served: Served = {};
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    requests.push(`${request.method} ${path} ${request.headers.range ?? "-"}`);
    headers.push(request.headers);
    const file = served[path];
    if (file === undefined) response.writeHead(404).end();
    else if (typeof file === "function") file(response);
    else {
      const times = answered.get(path) ?? 0;
      answered.set(path, times + 1);
      answer(request, response, { file, times });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served = typeof files === "function" ? files(url) : files;
  return {
    url,
    requests,
    headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { file, times }: { readonly file: ServedFile; readonly times: number },
): void {
  const { bytes } = file;
  const asked = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const start = file.resumes === false ? 0 : asked;
  if (start > 0 && start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const body = bytes.subarray(start);
  const range = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(start > 0 ? 206 : 200, {
    "content-type": file.type ?? "application/octet-stream",
    "content-length": body.length,
    ...(start > 0 && range),
  });
  const cut = file.cuts?.[times];
  if (cut === undefined) response.end(body);
  else response.write(body.subarray(0, cut), () => response.destroy());
}
