import assert from "node:assert/strict";
import { test } from "node:test";
import { requestSource } from "./connection.ts";
import { counterPlaceholder } from "./job.ts";

test("a request's number is the same wherever it stands, and another one each time", () => {
  let number = 41;
  const source = requestSource(
    {
      path: "/v1/chat/completions",
      headers: { "idempotency-key": `bench-${counterPlaceholder}` },
      body: JSON.stringify({ user: counterPlaceholder }),
    },
    () => {
      number += 1;
      return number;
    },
  );
  for (const number of ["0000000042", "0000000043"]) {
    const text = source.next().toString();
    assert.ok(text.includes(`idempotency-key: bench-${number}\r\n`), text);
    assert.ok(text.endsWith(`{"user":"${number}"}`), text);
  }
});
