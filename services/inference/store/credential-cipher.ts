import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** Seals upstream credentials for the database, so that a copy of it opens no provider account. */
export interface CredentialCipher {
  /** `context` is bound in: a sealed key moved to another upstream's row does not open. */
  seal(text: string, context: string): Buffer;
  open(sealed: Buffer, context: string): string;
}

const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM under a key derived from the platform's secret (RFC 5869). */
export function createCredentialCipher(platformSecret: Uint8Array): CredentialCipher {
  const key = Buffer.from(
    hkdfSync("sha256", platformSecret, "", "tandem upstream credentials", 32),
  );
  return {
    seal(text, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceBytes));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      const body = sealed.subarray(nonceBytes + tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    },
  };
}
