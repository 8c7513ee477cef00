import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { realWorld } from "@tandem/libs/world";
import { loadSecrets } from "./secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-secrets-"));
after(() => rmSync(folder, { recursive: true }));
const world = realWorld();

describe("loadSecrets", () => {
  test("are made once, kept, and completed when the topology grows", () => {
    const path = join(folder, "keys", "secrets.json");
    const first = loadSecrets(path, { deployables: ["ai", "auth"], world });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(loadSecrets(path, { deployables: ["ai"], world }), first);
    const grown = loadSecrets(path, { deployables: ["ai", "auth", "chat"], world });
    assert.deepEqual(grown.passportKeys["ai"], first.passportKeys["ai"]);
    assert.notEqual(grown.passportKeys["chat"], undefined);
    assert.equal(grown.apiKeyPepper, first.apiKeyPepper);
    const pair = grown.passportKeys["ai"];
    assert.ok(pair !== undefined);
    const text = Buffer.from("passport");
    const signature = sign(null, text, createPrivateKey(pair.privateKey));
    assert.ok(verify(null, text, createPublicKey(pair.publicKey), signature));
  });

  test("a damaged file stops the start instead of making new keys", () => {
    const path = join(folder, "damaged.json");
    writeFileSync(path, '{"version":1,"apiKeyP');
    assert.throws(
      () => loadSecrets(path, { deployables: ["ai"], world }),
      (error) => Fault.is(error) && /Restore it from a backup/.test(error.publicMessage),
    );
  });
});
