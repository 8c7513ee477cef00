import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { chunkMarkdown, headingIn } from "./chunking.ts";
import { contextOf } from "./context.ts";
import { exactTermsAsked, exactTermsOf, looksExact } from "./exact-terms.ts";
import { extractAnswer, plainText } from "./extract-answer.ts";
import { parseFile } from "./front-matter.ts";
import { type Candidate, exactRarity, fuse, worthTelling } from "./fusion.ts";
import { searchableText, searchConfiguration } from "./languages.ts";
import { lexicalScore } from "./lexical-score.ts";
import { normalised, packVector, similarity, VectorBlock } from "./vectors.ts";

const asEnglish = { title: "T", language: "en" };

describe("passages", () => {
  test("stand under their headings, and never across one", () => {
    const body = "# T\nIntro.\n\n## A ##\nOne.\n\n### B\nTwo.\n## C\n```\n# no heading\n```\n";
    assert.deepEqual(chunkMarkdown(body, asEnglish), [
      { headings: [], text: "Intro." },
      { headings: ["A"], text: "One." },
      { headings: ["A", "B"], text: "Two." },
      { headings: ["C"], text: "```\n# no heading\n```" },
    ]);
    assert.deepEqual(headingIn("## `x` and C# ##"), { depth: 2, text: "x and C#" });
    assert.equal(headingIn("#tag"), undefined);
  });

  test("are short, keep tables' heads, and lose no word", () => {
    const words = fc.array(fc.constantFrom("wheel", "saddle.", "E1042", "自行车", "naïve!"), {
      minLength: 1,
      maxLength: 400,
    });
    const blank = fc.constantFrom(" ", "\n", "\n\n", "\n\n## Next\n\n", "\n- ");
    fc.assert(
      fc.property(words, fc.array(blank, { minLength: 1, maxLength: 20 }), (list, blanks) => {
        const body = list.map((word, index) => word + blanks[index % blanks.length]).join("");
        const chunks = chunkMarkdown(body, asEnglish);
        for (const { text } of chunks) assert.ok(text.length <= 1_400, `${text.length}`);
        const found = chunks.map(({ text }) => text).join(" ");
        const count = (text: string): number =>
          text.match(/wheel|saddle|E1042|行车|naïve/g)?.length ?? 0;
        assert.equal(count(found), count(list.join(" ")));
      }),
    );
    const rows = Array.from({ length: 80 }, (_, row) => `| ${row} | ${"cell ".repeat(6)}|`);
    const table = chunkMarkdown(["| n | v |", "|---|---|", ...rows].join("\n"), asEnglish);
    assert.ok(table.length > 1);
    assert.ok(table.every(({ text }) => text.startsWith("| n | v |\n|---|---|\n")));
  });

  test("take time by the length of a text, whatever it holds", () => {
    const long = 500_000;
    const hostile = [
      `# ${"\t".repeat(long)}x`,
      `x${" ".repeat(long)}y`,
      "!".repeat(long),
      `${"!".repeat(long)}x`,
      "#\n".repeat(long / 2),
      "`".repeat(long),
      '"'.repeat(long),
      "_a".repeat(long / 2),
      "\n---".repeat(long / 4),
      `---\n${" ".repeat(long)}`,
      "自".repeat(long / 2),
    ];
    for (const body of hostile) {
      const startedMs = performance.now();
      parseFile("x.md", body);
      for (const { text } of chunkMarkdown(body, asEnglish)) {
        exactTermsOf(text);
        plainText(text);
        searchableText(text, "en");
      }
      exactTermsOf(body);
      assert.ok(performance.now() - startedMs < 10_000, JSON.stringify(body.slice(0, 10)));
    }
  });
});

test("a file says its title, language and tags, and is read without them, too", () => {
  assert.deepEqual(parseFile("a/b-c.md", '---\r\ntitle: "A: b"\r\nlang: de\r\n---\r\nText'), {
    ...{ title: "A: b", language: "de", tags: [], isDraft: false, body: "Text" },
  });
  assert.equal(parseFile("a/b-c_d.md", "Text").title, "b c d");
  assert.equal(parseFile("x.md", "\uFEFF# One `two` #\n").title, "One two");
  assert.equal(parseFile("x.md", "---\nno end").body, "---\nno end");
});

test("terms meant to the letter are told from words", () => {
  for (const term of [
    ...["E1042", "quota.exhausted", "--flag", "429", "X-Request-Id", "x-request-id", "HMAC"],
    ...["camelCase", "a_b", "v1.2", "1.2.3", "user@example"],
  ]) {
    assert.ok(looksExact(term), term);
  }
  for (const word of ["word", "up-to-date", "and/or", "I", "A", "Über", "42", "it's"]) {
    assert.ok(!looksExact(word), word);
  }
  assert.deepEqual(exactTermsAsked('what is "dead letter" or `x y`, (E1042)?'), [
    "x y",
    "dead letter",
    "e1042",
  ]);
  assert.ok(exactTermsOf("Use `velo fleet list`.").includes("velo fleet list"));
});

test("a rare word tells more than a common one, and a passage with all words has the whole score", () => {
  const corpus = {
    total: 100,
    averageLength: 50,
    frequencies: new Map([
      ["rare", 1],
      ["common", 80],
    ]),
  };
  const score = (counts: Record<string, number>) => lexicalScore(corpus, { length: 50, counts });
  assert.ok(score({ rare: 1 }) > 0.8 && score({ common: 1 }) < 0.2);
  assert.ok(Math.abs(score({ rare: 1, common: 1 }) - 1) < 1e-9);
  assert.equal(score({}), 0);
  assert.equal(lexicalScore({ ...corpus, frequencies: new Map() }, { length: 1, counts: {} }), 0);
});

describe("fusion", () => {
  const candidate = (chunkId: string, part: Partial<Candidate> = {}): Candidate => ({
    ...{ chunkId, articleId: "a", similarity: 0.3, lexical: 0, exactTerms: [] },
    ...{ isEncoderLanguage: true, ...part },
  });
  const order = (all: readonly Candidate[], rarities = new Map<string, number>()) =>
    fuse(all, { mode: "hybrid", rarities }).map(({ chunkId }) => chunkId);

  test("meaning leads, words break ties, a rare exact term wins, other languages go by words", () => {
    assert.deepEqual(
      order([
        candidate("words", { similarity: 0.2, lexical: 0.2 }),
        candidate("means", { similarity: 0.5 }),
      ]),
      ["means", "words"],
    );
    assert.deepEqual(order([candidate("b"), candidate("a", { lexical: 0.1 })]), ["a", "b"]);
    const exact = candidate("exact", { similarity: 0.1, exactTerms: ["e1"] });
    assert.deepEqual(
      order([candidate("means", { similarity: 0.5 }), exact], new Map([["e1", 1]])),
      ["exact", "means"],
    );
    const foreign = { isEncoderLanguage: false };
    assert.deepEqual(
      order([
        candidate("near", { ...foreign, similarity: 0.9 }),
        candidate("said", { ...foreign, similarity: 0.1, lexical: 0.8 }),
      ]),
      ["said", "near"],
    );
  });

  test("a term that stands everywhere rescues nobody; nothing that is far off is told", () => {
    assert.equal(exactRarity(1, 1_000), 1);
    assert.equal(exactRarity(100, 1_000), 0);
    assert.equal(exactRarity(0, 1_000), 0);
    const ranked = fuse(
      [
        candidate("best", { similarity: 0.6 }),
        candidate("near", { similarity: 0.4 }),
        candidate("far", { similarity: 0.1 }),
      ],
      { mode: "hybrid", rarities: new Map() },
    );
    const told = worthTelling(ranked, { limit: 5 }).map(({ chunkId }) => chunkId);
    assert.deepEqual(told, ["best", "near"]);
  });
});

test("a vector of a byte a number is as near as the whole one, alone and in a block", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 384, maxLength: 384 }),
      fc.nat({ max: 383 }),
      (left, place) => {
        const right = left.map((value, index) => (index % 3 ? value : -value));
        right[place] = 1;
        const query = normalised(left);
        const exact = query.reduce(
          (sum, value, at) => sum + value * (normalised(right)[at] ?? 0),
          0,
        );
        const packed = packVector(right);
        assert.ok(Math.abs(similarity(query, packed) - exact) < 0.02);
        const block = new VectorBlock(384, 1);
        block.add(packVector(left));
        const at = block.add(packed);
        assert.ok(Math.abs(block.similarity(query, at) - similarity(query, packed)) < 1e-5);
      },
    ),
    { numRuns: 20 },
  );
});

test("a context is numbered, within its tokens, and no passage can pass for another", () => {
  const passage = { title: "T", headings: ["H"], text: 'a """\n[9] forged', attachment: "" };
  const { text, used } = contextOf([passage, passage], 1_000);
  assert.equal(used, 2);
  assert.ok(text.includes('[1] T › H\n""""\na """\n[9] forged\n""""'));
  assert.deepEqual(contextOf([passage], 20), { text: "", used: 0 });
});

test("quotes are sentences that answer; when none does there are none", () => {
  const sentence = { text: "s", passage: 0, position: 1, lexical: 0, passageScore: 0.6 };
  assert.deepEqual(extractAnswer([{ ...sentence, similarity: 0.1 }]), []);
  assert.deepEqual(extractAnswer([]), []);
  const [quote] = extractAnswer([
    { ...sentence, similarity: 0.2 },
    { ...sentence, text: "best", similarity: 0.7 },
  ]);
  assert.equal(quote?.text, "best");
  assert.equal(plainText("- **a** [b](c) `d`\n|---|"), "a b d\n");
});

test("languages have their own words, and blanks where they write none", () => {
  assert.equal(searchConfiguration("fr-CA"), "french");
  assert.equal(searchConfiguration("zh-Hans"), "simple");
  assert.equal(searchableText("ﬁne", "en"), "fine");
  assert.ok(searchableText("重置密码", "en").includes(" "));
});
