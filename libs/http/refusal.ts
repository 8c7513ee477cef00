import type { Socket } from "node:net";
import type { Fault } from "../kernel/index.ts";
import type { HeaderFields } from "./contract.ts";
import { httpFaults } from "./faults.ts";
import { statusLine } from "./status-line.ts";

/** What a server says when it refuses a request by itself. */
export interface RefusalBody {
  readonly contentType: string;
  readonly body: string;
  /** Of a protocol whose errors are fields of an answer with status 200. */
  readonly fields?: HeaderFields;
}

/** `askedAs`: the request's content type, where it was read that far over HTTP/2. */
export type DescribeRefusal = (fault: Fault, askedAs?: string) => RefusalBody;

/** RFC 9457. */
export function describeAsProblem(fault: Fault): RefusalBody {
  const problem = {
    type: "about:blank",
    title: fault.publicMessage,
    status: fault.httpStatus,
    reason: fault.reason,
  };
  return { contentType: "application/problem+json", body: JSON.stringify(problem) };
}

/** The head of an answer after which the connection closes. */
export function refusalHead(fault: Fault, { contentType, body }: RefusalBody): string {
  return (
    `${statusLine(fault.httpStatus)}content-type: ${contentType}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`
  );
}

/** Answers a connection beyond the caps without reading what it wants. */
export function turnAway(socket: Socket, describe: DescribeRefusal): void {
  refuseSocket(socket, httpFaults.overloaded(), describe);
}

/** Answers a connection in HTTP/1.1, and closes it. */
export function refuseSocket(socket: Socket, fault: Fault, describe: DescribeRefusal): void {
  const refusal = describe(fault);
  socket.on("error", () => socket.destroy());
  socket.write(refusalHead(fault, refusal) + refusal.body);
  socket.destroySoon();
}
