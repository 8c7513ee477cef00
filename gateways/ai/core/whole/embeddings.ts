import { BodyPatch } from "../body-patch.ts";
import { JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import { scanJson } from "../json-scanner.ts";
import type { TokenUsage } from "../money/token-usage.ts";
import { usageIn, type WholeFailure } from "./whole-reader.ts";

/** Root, data, item and its members; vectors are not recorded. */
const recordDepth = 3;

export interface EmbeddingsAnswer {
  readonly document: JsonDocument;
  readonly usage: TokenUsage | undefined;
}

export function readEmbeddings(body: Buffer): EmbeddingsAnswer | WholeFailure {
  const document = scanJson(body, recordDepth);
  if (!(document instanceof JsonDocument)) {
    return { kind: "malformed", detail: `the answer ${document.problem}` };
  }
  if (document.kind(document.root) !== jsonKind.object) {
    return { kind: "malformed", detail: "the answer is no object" };
  }
  const error = document.member(document.root, "error");
  if (error !== nowhere && document.kind(error) !== jsonKind.null) {
    const detail = "an error came with status 200";
    return { kind: "error_body", detail, error: document.parse(error) };
  }
  const data = document.member(document.root, "data");
  if (data === nowhere || document.kind(data) !== jsonKind.array) {
    return { kind: "malformed", detail: "the answer has no data" };
  }
  return { document, usage: usageIn(document) };
}

/**
 * The answer as clients get it. Vectors are brought into the form the client asked for, whatever
 * the upstream sent: SDKs that decode base64 blindly make garbage of a list without an error
 *.
 */
export function writeEmbeddings(
  { document }: EmbeddingsAnswer,
  shown: {
    readonly model: string;
    readonly usageJson: string;
    readonly encoding: "float" | "base64";
  },
): Buffer {
  const patch = new BodyPatch(document);
  patch.set("object", '"list"');
  patch.set("model", JSON.stringify(shown.model));
  patch.set("usage", shown.usageJson);
  const data = document.member(document.root, "data");
  let item = document.firstChild(data);
  while (item !== nowhere) {
    const vector = document.member(item, "embedding");
    if (vector !== nowhere) {
      const kind = document.kind(vector);
      if (kind === jsonKind.array && shown.encoding === "base64") {
        patch.replace(vector, `"${floatsToBase64(document.parse(vector) as number[])}"`);
      } else if (kind === jsonKind.string && shown.encoding === "float") {
        patch.replace(vector, JSON.stringify(base64ToFloats(document.text(vector))));
      }
    }
    item = document.nextChild(data, item);
  }
  return patch.build();
}

/** Little-endian float32. */
export function floatsToBase64(floats: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(floats.length * 4);
  for (const [index, float] of floats.entries()) bytes.writeFloatLE(float, index * 4);
  return bytes.toString("base64");
}

export function base64ToFloats(text: string): number[] {
  const bytes = Buffer.from(text, "base64");
  const floats: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) floats.push(bytes.readFloatLE(at));
  return floats;
}
