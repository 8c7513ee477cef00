import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { readDevEnv } from "@tandem/libs/testing";
import { openProduct, type Product } from "./product.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "tandem-documents-"));
let product: Product;

before(async () => {
  product = await openProduct();
  mkdirSync(join(folder, ".tandem"));
  cpSync(join(product.tandem.dataDirectory, "dev.env"), join(folder, ".tandem/dev.env"));
});

after(async () => {
  await product.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Example {
  readonly document: string;
  readonly language: string;
  readonly code: string;
}

/** Every fenced example of a document that speaks to a running Tandem. */
function examplesOf(document: string): readonly Example[] {
  const text = readFileSync(join(root, document), "utf8");
  return [...text.matchAll(/^```(sh|js)\n([\s\S]*?)^```$/gm)]
    .map(([, language = "", code = ""]) => ({ document, language, code }))
    .filter(({ code }) => /dev\.env|OPENAI_|TANDEM_ADMIN/.test(code));
}

const documents = [
  "README.md",
  ...readdirSync(join(root, "docs/guides")).map((name) => `docs/guides/${name}`),
];

for (const example of documents.flatMap(examplesOf)) {
  const firstLine = example.code.trim().split("\n").at(1) ?? example.code;
  test(`${example.document}: the example "${firstLine.slice(0, 60)}" runs as it stands`, async () => {
    const environment = { ...process.env, ...readDevEnv(product.tandem.dataDirectory) };
    const options = { cwd: folder, env: environment, timeout: 30_000 };
    const { stdout } =
      example.language === "sh"
        ? await run("sh", ["-eu", "-c", example.code], options)
        : await run(
            process.execPath,
            ["--input-type=module", "-e", example.code],
            // Bare imports resolve from the working directory.
            { ...options, cwd: root },
          );
    assert.notEqual(stdout, "", "nothing was answered");
    assert.doesNotMatch(stdout, /"status":[45]\d\d|"error":\{/, stdout);
  });
}
