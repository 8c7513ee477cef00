/**
 * The last good snapshot of a feed on disk, so that a replica can start while its source is down.
 * Sealed (AES-256-GCM), since upstream credentials are in one; written to another name and renamed,
 * so that a crash leaves the old one. A file that cannot be read is no snapshot.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { dirname } from "node:path";
import { diskOf, type World } from "@tandem/libs/world";

const nonceBytes = 12;
const tagBytes = 16;

export class SnapshotFile {
  readonly #path: string;
  readonly #key: Buffer;
  readonly #world: World;

  constructor(path: string, { secret, world }: { secret: Uint8Array; world: World }) {
    this.#path = path;
    this.#key = Buffer.from(hkdfSync("sha256", secret, path, "tandem snapshot", 32));
    this.#world = world;
  }

  async read(): Promise<Buffer | undefined> {
    try {
      const sealed = await diskOf(this.#world).read(this.#path);
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce);
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      const text = decipher.update(sealed.subarray(nonceBytes + tagBytes));
      return Buffer.concat([text, decipher.final()]);
    } catch {
      return undefined;
    }
  }

  async write(snapshot: Uint8Array): Promise<void> {
    const nonce = this.#world.randomness.bytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const text = Buffer.concat([cipher.update(snapshot), cipher.final()]);
    const disk = diskOf(this.#world);
    await disk.makeDirectory(dirname(this.#path));
    await disk.replace(this.#path, Buffer.concat([nonce, cipher.getAuthTag(), text]));
  }
}
