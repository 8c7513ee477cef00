import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeProject, readIndexPage } from "./package-index.ts";
import { indexUrlOfPipConf, pipConfPaths } from "./pip-conf.ts";

const pageUrl = "https://index.example/simple/two-riders/";
const hash = "ab".repeat(32);

test("project names have one spelling in an address", () => {
  assert.equal(normalizeProject("Two__Riders.One-x"), "two-riders-one-x");
});

test("an HTML page gives names, absolute addresses and hashes", () => {
  const page =
    `<!DOCTYPE html><a data-x="1" href="../../files/a-1.whl#sha256=${hash}">a-1.whl</a><br/>` +
    `<A HREF='https://cdn.example/b%2B.whl?x=1&amp;y=2'> b+.whl </A>`;
  const files = readIndexPage(page, { contentType: "text/html", pageUrl });
  assert.deepEqual(files, [
    { name: "a-1.whl", url: "https://index.example/files/a-1.whl", sha256: hash },
    { name: "b+.whl", url: "https://cdn.example/b%2B.whl?x=1&y=2", sha256: undefined },
  ]);
});

test("a JSON page gives the same", () => {
  const page = JSON.stringify({
    files: [
      { filename: "a-1.whl", url: "/files/a-1.whl", hashes: { sha256: hash } },
      { filename: 7 },
      null,
    ],
  });
  const contentType = "application/vnd.pypi.simple.v1+json";
  assert.deepEqual(readIndexPage(page, { contentType, pageUrl }), [
    { name: "a-1.whl", url: "https://index.example/files/a-1.whl", sha256: hash },
  ]);
});

test("a broken page holds no files", () => {
  assert.deepEqual(readIndexPage("{", { contentType: "application/json", pageUrl }), []);
  assert.deepEqual(readIndexPage("<a href=", { contentType: "text/html", pageUrl }), []);
});

test("pip's own order of files is kept, and the download section wins over the global one", () => {
  const environment = { PIP_CONFIG_FILE: "/own", VIRTUAL_ENV: "/venv", XDG_CONFIG_DIRS: "/a:/b" };
  assert.deepEqual(pipConfPaths({ environment, homeDirectory: "/home/x" }), [
    "/own",
    "/venv/pip.conf",
    "/home/x/.config/pip/pip.conf",
    "/home/x/.pip/pip.conf",
    "/etc/pip.conf",
    "/a/pip/pip.conf",
    "/b/pip/pip.conf",
  ]);
  const text =
    "# comment\n[global]\nindex-url = https://one/simple\n[install]\nindex-url=https://two\n";
  assert.equal(indexUrlOfPipConf(text), "https://one/simple");
  assert.equal(indexUrlOfPipConf(`${text}[download]\nindex_url: https://three`), "https://three");
  assert.equal(indexUrlOfPipConf("[global]\ntimeout = 5"), undefined);
});
