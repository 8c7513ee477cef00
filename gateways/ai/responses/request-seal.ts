import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { HeaderList } from "@tandem/libs/http";
import type { Randomness } from "@tandem/libs/world";
import type { MadeRequest } from "../resume/kept-answer-options.ts";
import type { StreamPlace } from "../resume/stream-store.ts";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

export interface RequestSeal {
  seal(place: StreamPlace, request: MadeRequest): Buffer;
  /** Undefined for what was not sealed for this place by one of our replicas. */
  open(place: StreamPlace, sealed: Buffer): MadeRequest | undefined;
}

interface Written {
  readonly head: Pick<MadeRequest["head"], "method" | "target" | "path" | "query">;
  readonly fields: readonly (readonly [string, string])[];
  readonly protocol: MadeRequest["protocol"];
  readonly remoteAddress: string;
}

/**
 * Requests on their way through the hot store: with the caller's key and words in them, so they are
 * unreadable there, and good for one place only.
 */
export function createRequestSeal(secret: Uint8Array, randomness: Randomness): RequestSeal {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "tandem background request", 32));
  return {
    seal(place, { head, body, protocol, remoteAddress }) {
      const { method, target, path, query, headers } = head;
      const written: Written = {
        head: { method, target, path, query },
        fields: [...headers.entries()],
        ...{ protocol, remoteAddress },
      };
      const about = Buffer.from(JSON.stringify(written));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(about.length);
      const nonce = Buffer.from(randomness.bytes(nonceBytes));
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(nameOf(place));
      const parts = [length, about, body].map((part) => cipher.update(part));
      cipher.final();
      return Buffer.concat([nonce, cipher.getAuthTag(), ...parts]);
    },
    open(place, sealed) {
      try {
        const nonce = sealed.subarray(0, nonceBytes);
        const tag = sealed.subarray(nonceBytes, nonceBytes + tagBytes);
        const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
        decipher.setAAD(nameOf(place)).setAuthTag(tag);
        const plain = decipher.update(sealed.subarray(nonceBytes + tagBytes));
        decipher.final();
        return requestIn(plain);
      } catch {
        return undefined;
      }
    },
  };
}

function requestIn(plain: Buffer): MadeRequest {
  const bodyAt = 4 + plain.readUInt32LE();
  const written = JSON.parse(plain.toString("utf8", 4, bodyAt)) as Written;
  const { head, fields, protocol, remoteAddress } = written;
  const body = plain.subarray(bodyAt);
  const headers = listOf(new Map(fields));
  return {
    ...{ body, protocol, remoteAddress },
    head: { ...head, headers, contentLength: body.length },
  };
}

function listOf(fields: ReadonlyMap<string, string>): HeaderList {
  return {
    get: (name) => fields.get(name),
    has: (name) => fields.has(name),
    entries: () => fields.entries(),
  };
}

function nameOf({ organisationId, id }: StreamPlace): Buffer {
  return Buffer.from(`${organisationId}\n${id}`);
}
