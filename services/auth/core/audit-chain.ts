/**
 * The chain that makes the audit log tell when it was tampered with: each entry's hash covers its
 * content and the hash before it, so that a changed, missing or inserted entry breaks every later
 * one. The content is hashed as a JSON list, in which no two entries can look alike.
 */
export interface AuditContent {
  readonly sequence: bigint;
  readonly atMs: bigint;
  readonly organisationId: string;
  readonly actor: string;
  /** Verb and object: `key.created`. */
  readonly action: string;
  readonly target: string;
  readonly beforeJson: string;
  readonly afterJson: string;
  readonly requestId: string;
}

/** The bytes to be hashed behind the hash before; at the beginning of the log that is empty. */
export function auditText(entry: AuditContent): string {
  return JSON.stringify([
    String(entry.sequence),
    String(entry.atMs),
    entry.organisationId,
    entry.actor,
    entry.action,
    entry.target,
    entry.beforeJson,
    entry.afterJson,
    entry.requestId,
  ]);
}
