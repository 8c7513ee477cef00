import { connect, constants } from "node:http2";
import type { KeptStream } from "./kept-stream.ts";
import { messageCounter } from "./message-counter.ts";

/** A stream of gRPC on a connection of its own, by HTTP/2 without TLS. */
export function keepGrpcStream({ job, requests, tally, onOpen }: KeptStream): () => void {
  const { path, headers } = requests.template;
  let isClosed = false;
  let isOpen = false;
  const problem = (what: string): void => {
    if (!isClosed) tally.problem(what);
  };
  const session = connect(`http://127.0.0.1:${job.target.port}`);
  session.on("error", (error) => problem(error.message));
  const ask = (): void => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      te: "trailers",
      ...headers,
    });
    const count = messageCounter();
    let status = "";
    stream.on("data", (bytes: Buffer) => {
      if (!isOpen) onOpen();
      isOpen = true;
      tally.unit(count(bytes));
    });
    stream.on("response", (fields) => {
      status = String(fields["grpc-status"] ?? "");
    });
    stream.on("trailers", (fields) => {
      status = String(fields["grpc-status"] ?? "");
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      if (status === "0" && stream.rstCode === constants.NGHTTP2_NO_ERROR) ask();
      else problem(`grpc-status ${status}, code ${stream.rstCode}`);
    });
    stream.end(requests.nextBody());
  };
  ask();
  return () => {
    isClosed = true;
    session.destroy();
  };
}
