/** A fault as clients of the public contract are told it: status, words, and typed details. */
import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { AnySchema, DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@tandem/contracts/rpc/google/rpc/error_details_pb";
import { StatusSchema } from "@tandem/contracts/rpc/google/rpc/status_pb";
import type { HeaderFields } from "../../http/index.ts";
import type { Fault, FaultCode } from "../../kernel/index.ts";
import { encodeEnvelope, envelopeFlags } from "./envelope.ts";
import { contentTypeOf, type RpcForm } from "./rpc-form.ts";

/** https://grpc.io/docs/guides/status-codes/ */
const grpcCodes: Readonly<Record<FaultCode, number>> = {
  canceled: 1,
  unknown: 2,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
};

/** Whose reasons these are, in `ErrorInfo`. */
const domain = "tandem";
const typeUrlPrefix = "type.googleapis.com/";

interface Detail {
  readonly type: string;
  readonly value: Uint8Array;
}

/** https://google.aip.dev/193: every error has an `ErrorInfo`; the others where they help. */
function detailsOf(fault: Fault, requestId: string): readonly Detail[] {
  const details: Detail[] = [];
  const add = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void => {
    details.push({ type: schema.typeName, value: toBinary(schema, message) });
  };
  const metadata: Record<string, string> = { reason: fault.reason };
  for (const [name, value] of Object.entries(fault.context)) metadata[name] = String(value);
  const reason = fault.reason.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
  add(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain, metadata }));
  const isLater = fault.retry === "after_delay" || fault.retry === "another_replica";
  const retryAfterMs = fault.retryAfterMs ?? (isLater ? 1_000 : undefined);
  if (isLater && retryAfterMs !== undefined) {
    const waitMs = Math.max(1, Math.ceil(retryAfterMs));
    const retryDelay = create(DurationSchema, {
      seconds: BigInt(Math.floor(waitMs / 1_000)),
      nanos: (waitMs % 1_000) * 1_000_000,
    });
    add(RetryInfoSchema, create(RetryInfoSchema, { retryDelay }));
  }
  const { parameter } = fault.context;
  if (typeof parameter === "string" && parameter !== "") {
    const violation = { field: parameter, description: fault.publicMessage };
    add(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [violation] }));
  }
  add(RequestInfoSchema, create(RequestInfoSchema, { requestId }));
  return details;
}

/** A fault as trailer fields of gRPC. */
export function grpcTrailers(fault: Fault | undefined, requestId: string): HeaderFields {
  if (fault === undefined) return [["grpc-status", "0"]];
  const details = detailsOf(fault, requestId).map(({ type, value }) =>
    create(AnySchema, { typeUrl: typeUrlPrefix + type, value }),
  );
  const code = grpcCodes[fault.code];
  const status = create(StatusSchema, { code, message: fault.publicMessage, details });
  return [
    ["grpc-status", String(code)],
    ["grpc-message", percentEncoded(fault.publicMessage)],
    ["grpc-status-details-bin", unpadded(toBinary(StatusSchema, status))],
  ];
}

/** The last envelope of a stream of `grpc-web` or `connect-stream`. */
export function streamEnd(form: RpcForm, fault: Fault | undefined, requestId: string): Buffer {
  if (form.protocol === "connect-stream") {
    const end = fault === undefined ? "{}" : `{"error":${connectError(fault, requestId)}}`;
    return encodeEnvelope(envelopeFlags.streamEnd, Buffer.from(end));
  }
  const lines = grpcTrailers(fault, requestId).map(([name, value]) => `${name}: ${value}\r\n`);
  return encodeEnvelope(envelopeFlags.trailers, Buffer.from(lines.join(""), "latin1"));
}

/** The fields that a trailers' envelope holds. */
export function readTrailers(message: Buffer): HeaderFields {
  const fields: [string, string][] = [];
  for (const line of message.toString("latin1").split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return fields;
}

/** A whole answer that only says what went wrong. */
export function rpcFailure(
  form: RpcForm,
  fault: Fault,
  requestId: string,
): { readonly status: number; readonly contentType: string; readonly body: Buffer } {
  if (form.protocol === "connect") {
    const body = Buffer.from(connectError(fault, requestId));
    return { status: fault.httpStatus, contentType: "application/json", body };
  }
  const body = streamEnd(form, fault, requestId);
  return { status: 200, contentType: contentTypeOf(form), body };
}

/** https://connectrpc.com/docs/protocol/#error-end-stream */
function connectError(fault: Fault, requestId: string): string {
  const details = detailsOf(fault, requestId).map(({ type, value }) => ({
    type,
    value: unpadded(value),
  }));
  return JSON.stringify({ code: fault.code, message: fault.publicMessage, details });
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}

/** gRPC's percent-encoding: everything outside printable ASCII, and the percent sign. */
function percentEncoded(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    encoded += isPlain ? String.fromCharCode(byte) : `%${hex}`;
  }
  return encoded;
}
