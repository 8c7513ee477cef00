import { generateKeyPairSync, sign } from "node:crypto";

/** A self-signed certificate for tests, made anew each time: no private key lies in the tree. */
export function selfSigned(name: string): { readonly certificate: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(oid("2a8648ce3d040302"));
  const names = sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(name)))));
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.from([1])),
    algorithm,
    names,
    sequence(time("20200101000000Z"), time("21200101000000Z")),
    names,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(alternativeName(name))),
  );
  const signature = sign("sha256", body, { key: privateKey, dsaEncoding: "der" });
  const der = sequence(body, algorithm, tagged(0x03, Buffer.from([0]), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** DER: tag, length, content (X.690). */
function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return tagged(0x30, ...contents);
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function time(text: string): Buffer {
  return tagged(0x18, Buffer.from(text));
}

/** RFC 5280, 4.2.1.6: a DNS name. */
function alternativeName(name: string): Buffer {
  const value = sequence(tagged(0x82, Buffer.from(name)));
  return sequence(oid("551d11"), tagged(0x04, value));
}
