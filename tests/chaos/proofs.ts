/** Faults whose proof is a test file of its own: run it, and take its word. */
import { join } from "node:path";
import { run } from "node:test";
import type { Row } from "./fault.ts";

export interface Proof {
  readonly file: string;
  /** Which of the file's tests are meant; all when absent. */
  readonly tests?: RegExp;
}

export interface ProofResult {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

const root = join(import.meta.dirname, "../..");
const fileTimeoutMs = 600_000;

/** Runs test files, each once however many faults it proves. */
export class ProofRunner {
  readonly #results = new Map<string, Promise<ProofResult>>();

  /** The line of a fault that these proofs prove. */
  async rowOf(
    fault: { readonly id: string; readonly what: string },
    proofs: readonly Proof[],
  ): Promise<Row> {
    const failed: string[] = [];
    let passed = 0;
    for (const { file, tests } of proofs) {
      const result = await this.#resultOf(file);
      const isMeant = (name: string): boolean => tests === undefined || tests.test(name);
      passed += result.passed.filter(isMeant).length;
      failed.push(...result.failed.filter(isMeant).map((name) => `${file}: ${name}`));
      const skipped = result.skipped.filter(isMeant);
      if (skipped.length > 0) failed.push(`${file}: skipped ${skipped.join(", ")}`);
    }
    if (failed.length === 0 && passed === 0) failed.push("no test was found");
    return {
      ...{ id: fault.id, what: fault.what, load: `${passed} tests` },
      ...{ failed: failed.length, truncated: undefined, recoveryMs: undefined, figures: {} },
      verdict: failed.length === 0 ? "pass" : "FAIL",
      reasons: failed.length > 0 ? failed : proofs.map(({ file }) => file),
    };
  }

  #resultOf(file: string): Promise<ProofResult> {
    let result = this.#results.get(file);
    if (result === undefined) {
      result = runFile(file);
      this.#results.set(file, result);
    }
    return result;
  }
}

/** Names of suites are part of their tests' names: `suite > test`. */
async function runFile(file: string): Promise<ProofResult> {
  const passed: string[] = [];
  const failed: string[] = [];
  const skipped: string[] = [];
  const stream = run({ files: [join(root, file)], cwd: root, timeout: fileTimeoutMs });
  stream.on("test:pass", ({ name, details, skip }) => {
    if (details.type === "suite") return;
    (skip === undefined || skip === false ? passed : skipped).push(name);
  });
  stream.on("test:fail", ({ name }) => failed.push(name));
  for await (const _ of stream) {
    // Until it has ended.
  }
  return { passed, failed, skipped };
}
