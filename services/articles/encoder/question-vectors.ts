import type { World } from "@tandem/libs/world";
import { normalised } from "../core/vectors.ts";
import type { Encoder } from "./encoder.ts";

export interface QuestionVectors {
  /** The question's vector; undefined when it cannot be had within the patience. */
  of(question: string): Promise<Float32Array | undefined>;
}

const keptMax = 500;

/** Vectors of questions, the last ones kept: a chat asks again, a page is turned. */
export function createQuestionVectors(options: {
  readonly encoder: Encoder;
  readonly world: World;
  readonly patienceMs: number;
}): QuestionVectors {
  const { encoder, patienceMs } = options;
  const kept = new Map<string, Float32Array>();
  const underWay = new Map<string, Promise<Float32Array | undefined>>();
  const ask = async (question: string): Promise<Float32Array | undefined> => {
    try {
      const [vector] = await encoder.embed([question], { timeoutMs: patienceMs });
      if (vector === undefined) return undefined;
      const ready = normalised(vector);
      kept.set(question, ready);
      const [oldest] = kept.keys();
      if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
      return ready;
    } catch {
      return undefined;
    }
  };
  return {
    of(question) {
      const known = kept.get(question);
      if (known !== undefined) {
        kept.delete(question);
        kept.set(question, known);
        return Promise.resolve(known);
      }
      const asked = underWay.get(question);
      if (asked !== undefined) return asked;
      const asking = ask(question).finally(() => underWay.delete(question));
      underWay.set(question, asking);
      return asking;
    },
  };
}
