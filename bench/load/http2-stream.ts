import { connect, constants } from "node:http2";
import type { KeptStream } from "./kept-stream.ts";

/** A stream on a connection of its own, by HTTP/2 without TLS. */
export function keepHttp2Stream(
  { job, requests, tally, onOpen }: KeptStream,
  counter: () => (bytes: Buffer) => number,
): () => void {
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
      "content-type": "application/json",
      te: "trailers",
      ...headers,
    });
    const count = counter();
    let status = "";
    /** Of gRPC, which has one of its own behind HTTP's. */
    let callStatus = "0";
    stream.on("data", (bytes: Buffer) => {
      if (!isOpen) onOpen();
      isOpen = true;
      tally.unit(count(bytes));
    });
    stream.on("response", (fields) => {
      status = String(fields[":status"]);
      callStatus = String(fields["grpc-status"] ?? "0");
    });
    stream.on("trailers", (fields) => {
      callStatus = String(fields["grpc-status"] ?? "0");
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      const isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR;
      if (status === "200" && callStatus === "0" && isWhole) ask();
      else problem(`status ${status}, grpc-status ${callStatus}, code ${stream.rstCode}`);
    });
    stream.end(requests.nextBody());
  };
  ask();
  return () => {
    isClosed = true;
    session.destroy();
  };
}
