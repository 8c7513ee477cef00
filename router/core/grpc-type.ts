/** Of gRPC itself; gRPC-web has types of its own. */
export function isGrpcType(contentType: string): boolean {
  return /^application\/grpc(\+|;|$)/.test(contentType);
}
