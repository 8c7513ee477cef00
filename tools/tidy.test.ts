import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { lengthIsAllowed, worldIsAllowed } from "./tidy/allowed.ts";
import { codeFiles, type SourceFile, trackedFiles } from "./tidy/source-files.ts";

const root = join(import.meta.dirname, "..");
const fileLinesMax = 400;
const functionLinesMax = 70;
const columnsMax = 100;

function none(problems: readonly string[]): void {
  assert.deepEqual(problems, [], `\n  ${problems.join("\n  ")}`);
}

const mayBeLong = (path: string): boolean => lengthIsAllowed.some((entry) => entry.path === path);

test("no file is longer than 400 lines", () => {
  none(
    codeFiles()
      .filter(({ path }) => !mayBeLong(path))
      .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
      .filter(({ lines }) => lines > fileLinesMax)
      .map(({ path, lines }) => `${path}: ${lines} lines. Find the second idea in it.`),
  );
});

test("no function is longer than 70 lines", () => {
  const problems: string[] = [];
  for (const file of codeFiles()) {
    if (mayBeLong(file.path)) continue;
    eachNode(file, (node, source) => {
      if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
      // A function around tests is a heading, not a function.
      if (isTestFile(file.path) && /\btest\(/.test(node.getText(source))) return;
      const from = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const lines = source.getLineAndCharacterOfPosition(node.end).line - from + 1;
      if (lines > functionLinesMax) problems.push(`${file.path}:${from + 1}: ${lines} lines`);
    });
  }
  none(problems);
});

const isTestFile = (path: string): boolean => /\.(test|suite)\.ts$/.test(path);

test("no line is longer than 100 columns", () => {
  const problems = codeFiles().flatMap(({ path, text }) =>
    text
      .split("\n")
      .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
      // What cannot be broken: addresses, and texts that a test or a table wants whole.
      .filter(
        ({ line }) => line.length > columnsMax && !/https?:\/\/|["'`/].{60,}["'`/]/.test(line),
      )
      .map(({ at, line }) => `${at}: ${line.length} columns`),
  );
  none(problems);
});

test("no any, non-null assertion, enum, namespace, decorator, parameter property, default export", () => {
  const problems: string[] = [];
  for (const file of codeFiles()) {
    eachNode(file, (node, source) => {
      const offence = offenceOf(node);
      if (offence === undefined || file.path === ".dependency-cruiser.mjs") return;
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      problems.push(`${file.path}:${line + 1}: ${offence}`);
    });
  }
  none(problems);
});

function offenceOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "any";
  if (ts.isNonNullExpression(node)) return "non-null assertion";
  if (ts.isEnumDeclaration(node)) return "enum";
  if (ts.isModuleDeclaration(node)) return "namespace";
  if (ts.isDecorator(node)) return "decorator";
  if (ts.isExportAssignment(node)) return "default export";
  const isProperty = ts.isParameter(node) && (node.modifiers?.length ?? 0) > 0;
  return isProperty ? "parameter property" : undefined;
}

function eachNode(file: SourceFile, visit: (node: ts.Node, source: ts.SourceFile) => void): void {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ESNext, false);
  const walk = (node: ts.Node): void => {
    visit(node, source);
    ts.forEachChild(node, walk);
  };
  walk(source);
}

test("no file without an idea: utils, helpers, common, misc, types", () => {
  none(
    codeFiles()
      .map(({ path }) => path)
      .filter((path) => /(^|\/)(utils?|helpers?|common|misc|types)(\.[a-z.]+|\/)/.test(path)),
  );
});

test("files and folders are written in kebab-case", () => {
  none(
    codeFiles()
      .map(({ path }) => path)
      .filter((path) => !/^[a-z0-9.\-/]+$/.test(path)),
  );
});

test("time, randomness and environment come from libs/world", () => {
  const outside = /\b(process\.env|Date\.now\(|Math\.random\(|new Date\(\))/;
  const problems = codeFiles()
    .filter(({ path }) => !path.startsWith("libs/world/"))
    .filter(({ path }) => !worldIsAllowed.some((entry) => entry.path.test(path)))
    .flatMap(({ path, text }) =>
      withoutComments(text)
        .split("\n")
        .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
        .filter(({ line }) => outside.test(line))
        .map(({ at }) => at),
    );
  none(problems);
});

test("what starts with the product imports only types from node:http", () => {
  const isProduct = /^(libs\/(?!testing\/)|router\/|gateways\/|services\/|supervisor\/)/;
  const isTried = /(\.(test|suite)\.ts$|\/(testing|fixtures|test-fixtures)\/)/;
  none(
    codeFiles()
      .filter(({ path }) => isProduct.test(path) && !isTried.test(path))
      .filter(({ text }) => /^import (?!type )[^;]*? from "node:http";/m.test(text))
      .map(({ path }) => `${path}: take nodeHttp of libs/http; its comment says why`),
  );
});

function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ""))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

test("nothing is left to do: no TODO, FIXME or skipped test on main", () => {
  const left = /\b(TODO|FIXME|XXX)\b|\b(test|it|describe)\.(skip|only|todo)\b/;
  none(
    codeFiles()
      .filter(({ path }) => path !== "tools/tidy.test.ts")
      .flatMap(({ path, text }) =>
        text
          .split("\n")
          .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
          .filter(({ line }) => left.test(line))
          .map(({ at }) => at),
      ),
  );
});

test("one word for one thing: the synonyms decided against stay away", () => {
  const synonyms: readonly (readonly [RegExp, string])[] = [
    [/\b(backend|back-end)s?\b/i, "upstream or service"],
    [/\binstances?\b(?! of)/i, "replica"],
    [/\bmicro-?services?\b/i, "service"],
    [/\bload.?balancer pool\b/i, "replicas"],
  ];
  const problems: string[] = [];
  for (const { path, text } of [...codeFiles(), ...trackedFiles(/\.md$/)]) {
    if (path === "tools/tidy.test.ts" || path === "LICENSE") continue;
    text.split("\n").forEach((line, index) => {
      for (const [word, instead] of synonyms) {
        if (word.test(line)) problems.push(`${path}:${index + 1}: say ${instead}`);
      }
    });
  }
  none(problems);
});

test("every document has one title, and every path and link in it exists", () => {
  const problems: string[] = [];
  for (const { path, text } of trackedFiles(/\.md$/)) {
    const prose = text.replace(/```[\s\S]*?```/g, "");
    const titles = prose.match(/^# .+$/gm)?.length ?? 0;
    if (titles !== 1) problems.push(`${path}: ${titles} titles`);
    for (const target of linkedFiles(path, prose)) {
      if (!existsSync(join(root, target))) problems.push(`${path}: ${target} does not exist`);
    }
  }
  none(problems);
});

function linkedFiles(path: string, prose: string): readonly string[] {
  const links = [...prose.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) =>
    normalize(join(dirname(path), target)),
  );
  // Paths in code marks that begin with a folder of ours; patterns and placeholders are no paths.
  const named = [...prose.matchAll(/`([a-z.]+(?:\/[\w.-]+)+\/?)`/g)]
    .map(([, target = ""]) => target)
    .filter((target) =>
      /^(libs|router|gateways|services|supervisor|topology|contracts|tests|bench|tools|docs|clients)\//.test(
        target,
      ),
    );
  return [...links, ...named];
}

test("every deployable says on one screen what it owns, promises and how it fails", () => {
  const folders = new Set(
    codeFiles()
      .map(({ path }) => /^(router|supervisor|(?:gateways|services)\/[^/]+)\//.exec(path)?.[1])
      .filter((folder): folder is string => folder !== undefined),
  );
  none([...folders].filter((folder) => !existsSync(join(root, folder, "README.md"))));
});

test("nothing names a package registry's host or records where a package was downloaded", () => {
  const hosts = /\b(registry\.npmjs|npmjs\.org|pypi\.org|pythonhosted|crates\.io|deb\.debian)\b/;
  none(
    trackedFiles(/./)
      .filter(({ path }) => path !== "tools/tidy.test.ts" && !path.endsWith(".gguf"))
      .filter(({ path, text }) =>
        path.endsWith("package-lock.json") ? /"resolved": "https?:/.test(text) : hosts.test(text),
      )
      .map(({ path }) => path),
  );
});
