import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type AccessHouse, openAccessHouse, setUp } from "./access-house.ts";

let house: AccessHouse;
let key: string;

before(async () => {
  house = await openAccessHouse();
  ({ adminKey: key } = await setUp(house));
});
after(() => house.close());

const asked = "/api/v1/usage?from=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z";

test("without analytics what was asked before comes again, marked, and the rest is 503 at once", async () => {
  const fresh = await house.ask({ path: asked, key });
  assert.equal(fresh.status, 200, fresh.text);
  assert.equal(fresh.headers["x-tandem-degraded"], undefined);
  const forecast = "/api/v1/usage/forecast?days=3";
  assert.equal((await house.ask({ path: forecast, key })).status, 200);
  await house.stop("analytics");
  for (const path of [asked, forecast]) {
    const stale = await house.ask({ path, key });
    assert.equal(stale.status, 200, stale.text);
    assert.equal(stale.headers["x-tandem-degraded"], "stale");
    assert.ok(Number(stale.headers.age) >= 0);
    assert.deepEqual((stale.json as Record<string, unknown>)["degraded"], ["stale"]);
  }
  for (const path of ["/api/v1/usage?group_by=model", "/api/v1/usage/export?format=csv"]) {
    const refused = await house.ask({ path, key });
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.headers["content-type"], "application/problem+json");
  }
  // A copy is nobody else's, and the other domain notices nothing.
  assert.equal((await house.ask({ path: asked, key: `${key}x` })).status, 401);
  const wallet = await house.ask({ path: "/api/v1/wallet", key });
  assert.deepEqual([wallet.status, wallet.headers["x-tandem-degraded"]], [200, undefined]);
  await house.restart("analytics");
  const back = await house.ask({ path: asked, key });
  assert.deepEqual([back.status, back.headers["x-tandem-degraded"]], [200, undefined]);
});

test("every query that makes no sense is refused clearly", async () => {
  const wrong = [
    "from=yesterday",
    "from=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z",
    "group_by=shoe",
    "group_by=key,key",
    "group_by=key,model,user,status",
    "step=week",
    "step=minute&group_by=key&limit=200",
    "rank_by=luck",
    "limit=0",
    "limit=201",
    "status=4x9",
    "model=",
    "model=%00",
    "latency=maybe",
    "colour=red",
    "model=a&model=b",
  ];
  for (const query of wrong) {
    const answer = await house.ask({ path: `/api/v1/usage?${query}`, key });
    assert.equal(answer.status, 400, `${query}: ${answer.text}`);
  }
  for (const query of ["format=xml", "after=%2e%2e", "after=req_unknown", "until=1e9"]) {
    const answer = await house.ask({ path: `/api/v1/usage/export?${query}`, key });
    assert.equal(answer.status, 400, `${query}: ${answer.text}`);
  }
  for (const query of ["days=0", "days=93", "days=-1"]) {
    const answer = await house.ask({ path: `/api/v1/usage/forecast?${query}`, key });
    assert.equal(answer.status, 400, `${query}: ${answer.text}`);
  }
});
