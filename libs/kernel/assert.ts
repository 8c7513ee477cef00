/** A programmer's mistake. Never translated into a client error: it ends the request as `internal`. */
export class AssertionFault extends Error {
  override readonly name = "AssertionFault";
}

/** Checks what must hold by construction (TigerStyle); throws `AssertionFault` when it does not. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFault(message);
}
