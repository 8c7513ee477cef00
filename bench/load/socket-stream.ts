import { WebSocket } from "ws";
import type { KeptStream } from "./kept-stream.ts";

/** How a message begins that tells an event. */
const chunkStart = Buffer.from('{"type":"chat.chunk"');

/** A conversation on a WebSocket of its own; another one is begun when it ends. */
export function keepSocketStream({ job, requests, tally, onOpen }: KeptStream): () => void {
  const { path, headers } = requests.template;
  let isClosed = false;
  let isOpen = false;
  let conversations = 0;
  const problem = (what: string): void => {
    if (!isClosed) tally.problem(what);
  };
  const socket = new WebSocket(`ws://127.0.0.1:${job.target.port}${path}`, ["tandem.chat.v1"], {
    headers,
    perMessageDeflate: false,
    skipUTF8Validation: true,
  });
  const ask = (): void => {
    conversations += 1;
    const request = requests.nextBody().toString();
    socket.send(`{"type":"chat.create","id":"${conversations}","request":${request}}`);
  };
  socket.on("message", (data: Buffer) => {
    if (data.subarray(0, chunkStart.length).equals(chunkStart)) {
      if (!isOpen) onOpen();
      isOpen = true;
      tally.unit(1);
      return;
    }
    const { type } = JSON.parse(data.toString()) as { readonly type: string };
    if (type === "session.created" || type === "chat.done") ask();
    else if (type === "error") problem(data.toString());
  });
  socket.on("error", (error) => problem(error.message));
  socket.on("close", (code) => problem(`closed with ${code}`));
  return () => {
    isClosed = true;
    socket.terminate();
  };
}
