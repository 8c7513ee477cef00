import { createHash, generateKeyPairSync } from "node:crypto";
import type { World } from "@tandem/libs/world";
import { z } from "zod";
import { folderFault, supervisorFaults } from "./faults.ts";
import { readJsonFile, writePrivateFile } from "./folder/private-file.ts";

const keyPairSchema = z.strictObject({ privateKey: z.string(), publicKey: z.string() });

const secretsSchema = z.strictObject({
  version: z.literal(1),
  /** Base64 of 32 bytes. */
  apiKeyPepper: z.string().length(44),
  /** For the one call that makes the first organisation. */
  setupToken: z.string().min(32),
  /** PEM by deployable. */
  passportKeys: z.record(z.string(), keyPairSchema),
  /** While they are rotated; see core/key-rotation.ts. */
  rotation: z
    .strictObject({
      stage: z.enum(["accepting", "signing"]),
      otherKeys: z.record(z.string(), keyPairSchema),
      overlapMs: z.number().nonnegative(),
    })
    .optional(),
});

export type Secrets = Readonly<z.infer<typeof secretsSchema>>;

/**
 * The secrets of this data directory: made once and kept; signing keys are
 * kept until they are rotated. Lost ones would make every API key
 * invalid, so a file that is there but cannot be read stops the start (`secrets_damaged`).
 */
export function loadSecrets(
  path: string,
  options: { readonly deployables: readonly string[]; readonly world: World },
): Secrets {
  const existing = readSecrets(path);
  const random = (length: number, encoding: "base64" | "base64url"): string =>
    Buffer.from(options.world.randomness.bytes(length)).toString(encoding);
  const secrets: Secrets = existing ?? {
    version: 1,
    apiKeyPepper: random(32, "base64"),
    setupToken: random(32, "base64url"),
    passportKeys: {},
  };
  const missing = options.deployables.filter((name) => secrets.passportKeys[name] === undefined);
  if (existing !== undefined && missing.length === 0) return secrets;
  const passportKeys = { ...secrets.passportKeys };
  for (const deployable of missing) passportKeys[deployable] = makeKeyPair();
  const complete = { ...secrets, passportKeys };
  saveSecrets(path, complete);
  return complete;
}

/** On disk when it returns. */
export function saveSecrets(path: string, secrets: Secrets): void {
  try {
    writePrivateFile(path, `${JSON.stringify(secrets, undefined, 2)}\n`);
  } catch (error) {
    throw folderFault(path, error);
  }
}

/** New signing keys for the same deployables. */
export function freshSigningKeys({ passportKeys }: Secrets): Secrets["passportKeys"] {
  return Object.fromEntries(Object.keys(passportKeys).map((name) => [name, makeKeyPair()]));
}

/** Names which keys are signed with and which are accepted: by this a process says what it holds. */
export function nameOfSigningKeys({ passportKeys, rotation }: Secrets): string {
  const publicHalves = (keys: Secrets["passportKeys"]): readonly (readonly string[])[] =>
    Object.entries(keys).map(([name, { publicKey }]) => [name, publicKey]);
  const other = publicHalves(rotation?.otherKeys ?? {});
  const text = JSON.stringify([publicHalves(passportKeys), other]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

function readSecrets(path: string): Secrets | undefined {
  try {
    const value = readJsonFile(path);
    return value === undefined ? undefined : secretsSchema.parse(value);
  } catch (error) {
    throw supervisorFaults.secrets_damaged({
      publicMessage:
        `${path} cannot be read, and without it no API key of this data directory is valid. ` +
        "Restore it from a backup; to begin anew, choose another folder with --data.",
      detail: error instanceof Error ? error.name : String(error),
    });
  }
}

function makeKeyPair(): z.infer<typeof keyPairSchema> {
  return generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}
