import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseUrl } from "./upstream-address.ts";

test("an upstream's URL is plain http or https, without credentials", () => {
  for (const url of ["http://vllm-1:8000/v1", "https://api.example.com"]) {
    assert.equal(refuseUrl(url), undefined);
  }
  for (const url of ["file:///etc/passwd", "unix:/run/x", "http://a:b@c/", "x", "http://h/?a=b"]) {
    assert.notEqual(refuseUrl(url), undefined, url);
  }
});
