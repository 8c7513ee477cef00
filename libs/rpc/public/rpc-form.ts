/** How a client of the public contract speaks, told by its content type alone. */
export interface RpcForm {
  /** `grpc` is met at the router's door only: behind it the same bytes travel as `grpc-web`. */
  readonly protocol: "grpc" | "grpc-web" | "connect" | "connect-stream";
  readonly codec: "proto" | "json";
}

export const grpcContentType = "application/grpc+proto";
export const grpcWebContentType = "application/grpc-web+proto";

const forms: Readonly<Record<string, RpcForm>> = {
  "application/grpc": { protocol: "grpc", codec: "proto" },
  "application/grpc+proto": { protocol: "grpc", codec: "proto" },
  "application/grpc-web": { protocol: "grpc-web", codec: "proto" },
  "application/grpc-web+proto": { protocol: "grpc-web", codec: "proto" },
  "application/connect+proto": { protocol: "connect-stream", codec: "proto" },
  "application/connect+json": { protocol: "connect-stream", codec: "json" },
  "application/proto": { protocol: "connect", codec: "proto" },
  "application/json": { protocol: "connect", codec: "json" },
};

/** Undefined for what no client of the contract sends. */
export function rpcFormOf(contentType: string | undefined): RpcForm | undefined {
  const plain = contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return Object.hasOwn(forms, plain) ? forms[plain] : undefined;
}

export function contentTypeOf({ protocol, codec }: RpcForm): string {
  if (protocol === "grpc") return grpcContentType;
  if (protocol === "grpc-web") return grpcWebContentType;
  return protocol === "connect" ? `application/${codec}` : `application/connect+${codec}`;
}
