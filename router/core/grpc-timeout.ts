/** gRPC over HTTP/2, "Timeout": up to eight digits and a unit. */
const form = /^(\d{1,8})([HMSmun])$/;
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const connectForm = /^\d{1,10}$/;

/**
 * How long the client itself will wait, in milliseconds, from `grpc-timeout` or
 * `connect-timeout-ms`; undefined when it does not say, or not in a form that means anything.
 */
export function clientTimeoutMs(headers: {
  get(name: string): string | undefined;
}): number | undefined {
  const match = form.exec(headers.get("grpc-timeout") ?? "");
  if (match !== null) return Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
  const plain = headers.get("connect-timeout-ms");
  return plain !== undefined && connectForm.test(plain) ? Number(plain) : undefined;
}
