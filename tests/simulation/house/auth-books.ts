import { createHash } from "node:crypto";
import type { Identity } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { auditText } from "../../../services/auth/core/audit-chain.ts";
import type { History } from "../history.ts";

/** Auth's database: keys, revocations in the order of their commits, and the audit log. */
export class AuthBooks {
  readonly #keys = new Map<string, MessageInit<Identity>>();
  readonly revocations: { readonly sequence: bigint; readonly keyId: string }[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #history: History;
  readonly #nowMs: () => number;

  constructor(history: History, nowMs: () => number) {
    this.#history = history;
    this.#nowMs = nowMs;
  }

  get sequence(): bigint {
    return BigInt(this.revocations.length);
  }

  addKey(secretHash: string, identity: MessageInit<Identity>): void {
    this.#keys.set(secretHash, identity);
  }

  find(secretHash: string): MessageInit<Identity> | undefined {
    return this.#keys.get(secretHash);
  }

  onRevoked(run: () => void): void {
    this.#listeners.push(run);
  }

  /** The effect and its record are one transaction. */
  revoke(keyId: string): void {
    for (const [hash, identity] of this.#keys) {
      if (identity.keyId !== keyId) continue;
      this.#keys.delete(hash);
      const atMs = this.#nowMs();
      this.revocations.push({ sequence: this.sequence + 1n, keyId });
      this.#history.revocations.push({ keyId, atMs });
      this.#history.adminEffects.push({ atMs, action: "key.revoked", target: keyId });
      this.#record("key.revoked", keyId, atMs);
    }
    for (const tell of this.#listeners) tell();
  }

  #record(action: string, target: string, atMs: number): void {
    const { audit } = this.#history;
    const previousHash = audit.at(-1)?.hash ?? "";
    const text = auditText({
      sequence: BigInt(audit.length + 1),
      atMs: BigInt(Math.floor(atMs)),
      organisationId: "org_1",
      actor: "operator",
      ...{ action, target, beforeJson: "{}", afterJson: "{}", requestId: "" },
    });
    const hash = createHash("sha256").update(previousHash).update(text).digest("hex");
    audit.push({ atMs, action, target, hash, previousHash, text });
  }
}
