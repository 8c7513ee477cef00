/**
 * B12: every route × every role × another tenant's ids. The routes come from the table that serves
 * them, so a new one is in the matrix by itself: a route without a value for one of its parameters
 * fails here.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { permissionsFor, type Route } from "@tandem/libs/gateway";
import { accessRoutes } from "../../gateways/access/routes/index.ts";
import { businessRoutes } from "../../gateways/business/routes/index.ts";
import {
  organisationRoles,
  permissionsOfRoles,
  platformRoles,
  roles,
} from "../../services/auth/core/permissions.ts";
import { type AccessHouse, type Ask, openAccessHouse, setUp } from "../integration/access-house.ts";
import { furnishShop } from "./tenant-shop.ts";

/** What one tenant has: a value for every parameter of every path, and markers to look for. */
interface Tenant {
  readonly adminKey: string;
  readonly values: Readonly<Record<string, string>>;
  readonly markers: readonly string[];
}

let house: AccessHouse;
let own: Tenant;
let other: Tenant;
const headersOfRole = new Map<string, Readonly<Record<string, string>>>();
let serial = 0;

const routes = [...accessRoutes, ...businessRoutes] as readonly Route<never>[];
/** Ask for a permission of the platform: nobody who is merely in an organisation has it. */
const isOfPlatform = (route: Route<never>): boolean => {
  const platform: ReadonlySet<string> = permissionsOfRoles(["platform:owner"]);
  const wanted = permissionsFor(route);
  return wanted.length > 0 && wanted.every((name) => platform.has(name));
};
const withIds = routes.filter(({ path, access }) => path.includes(":") && access !== "public");
let platformKey: string;

before(async () => {
  house = await openAccessHouse();
  platformKey = (await setUp(house)).adminKey;
  own = await found("own");
  other = await found("other");
  for (const role of organisationRoles) {
    await invite(own.adminKey, { email: `the-${role}@example.com`, role });
    headersOfRole.set(role, await signIn(`the-${role}@example.com`));
  }
  for (const role of platformRoles) headersOfRole.set(role, await operatorWith(role));
});

after(() => house.close());

/** A tenant, founded by the platform for an owner of its own. */
async function found(name: string): Promise<Tenant> {
  const email = `${name}-founder@example.com`;
  const founded = await house.expect(201, {
    method: "POST",
    path: "/api/v1/organisations",
    key: platformKey,
    headers: { "idempotency-key": `found-${name}` },
    body: { name: `${name}-tenant-marker`, owner_email: email },
  });
  await accept(founded["invitation_token"]);
  const headers = await signIn(email);
  const session = await house.expect(200, { path: "/api/v1/sessions/current", headers });
  const key = await house.expect(201, {
    method: "POST",
    path: "/api/v1/keys",
    headers,
    body: { name: "all of it", scopes: ["admin"], owner: "nobody" },
  });
  const organisationId = String(founded["id"]);
  const tenant = await furnish(String(key["secret"]), { organisationId, name });
  const values = { ...tenant.values, session_id: String(session["id"]), provider: "none" };
  return { ...tenant, values };
}

/** Somebody who has this role of the platform and no other. */
async function operatorWith(role: string): Promise<Readonly<Record<string, string>>> {
  const email = `${role.replace(":", "-")}@example.com`;
  const userId = await invite(platformKey, { email, role: "viewer" });
  const path = `/api/v1/members/${userId}/roles`;
  await house.expect(200, { method: "PUT", path: `${path}/${role}`, key: platformKey });
  await house.expect(200, { method: "DELETE", path: `${path}/viewer`, key: platformKey });
  return signIn(email);
}

/** Something of everything in an organisation. */
async function furnish(
  key: string,
  { organisationId, name }: { readonly organisationId: string; readonly name: string },
): Promise<Tenant> {
  const marker = `${name}-tenant-marker`;
  const create = async (path: string, body: object): Promise<string> => {
    const made = await house.expect(201, { method: "POST", path, key, body });
    return String(made["id"]);
  };
  const project = await create("/api/v1/projects", { name: marker });
  const apiKey = await create("/api/v1/keys", { name: marker, owner: "nobody" });
  const invitation = await create("/api/v1/invitations", {
    email: `${marker}@example.com`,
    role: "viewer",
  });
  const limit = await create("/api/v1/limits", { kind: "requests", amount: 60, model: marker });
  await house.expect(201, {
    method: "POST",
    path: "/api/v1/credits",
    key: platformKey,
    headers: { "idempotency-key": marker },
    body: { amount: "1", reason: marker, organisation_id: organisationId },
  });
  const budget = await create("/api/v1/budgets", { amount: "5", period: "day", model: marker });
  const { pack, plan, order } = await furnishShop(house, {
    ...{ key, platformKey, organisationId, marker },
  });
  const text = { title: marker, body: marker, publish: true };
  const article = await create("/api/v1/articles", text);
  const attached = { name: marker, content: marker };
  const attachment = await create(`/api/v1/articles/${article}/attachments`, attached);
  const member = await invite(key, { email: `${name}-member@example.com`, role: "viewer" });
  return {
    adminKey: key,
    markers: [
      ...[marker, project, apiKey, invitation, limit, budget, pack, plan, order, organisationId],
      ...[article, attachment],
    ],
    values: {
      organisation_id: organisationId,
      project_id: project,
      key_id: apiKey,
      owner: "users",
      invitation_id: invitation,
      limit_id: limit,
      budget_id: budget,
      pack_id: pack,
      order_id: order,
      reference: marker,
      plan_id: plan,
      article_id: article,
      attachment_id: attachment,
      number: "1",
      user_id: member,
      role: "viewer",
    },
  };
}

const password = "a password for everybody";

async function invite(
  key: string,
  body: { readonly email: string; readonly role: string },
): Promise<string> {
  const create = { method: "POST", path: "/api/v1/invitations", key, body };
  return accept((await house.expect(201, create))["token"]);
}

async function accept(token: unknown): Promise<string> {
  const joined = await house.expect(201, {
    method: "POST",
    path: "/api/v1/invitations/accept",
    body: { token, name: "Somebody", password },
  });
  return String(joined["user_id"]);
}

/** Headers of a session of theirs. */
async function signIn(email: string): Promise<Readonly<Record<string, string>>> {
  const opened = await house.ask({
    method: "POST",
    path: "/api/v1/sessions",
    body: { email, password },
  });
  assert.equal(opened.status, 201, opened.text);
  const cookie = String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "";
  const csrf = String((opened.json as Record<string, unknown>)["csrf_token"]);
  serial += 1;
  return {
    cookie,
    "x-tandem-csrf": csrf,
    "sec-fetch-site": "same-origin",
    "idempotency-key": `signed-in-${serial}`,
  };
}

function as(role: string): Readonly<Record<string, string>> {
  return headersOfRole.get(role) ?? {};
}

function pathFor(route: Route<never>, tenant: Tenant): string {
  return route.path.replaceAll(/:(\w+)/g, (_whole, name: string) => {
    const value = tenant.values[name];
    assert.ok(value !== undefined, `the matrix has no value for :${name} of ${route.path}`);
    return value;
  });
}

const until = new Date(Date.now() + 3_600_000).toISOString();

/** A body that passes the schema, so that nothing but rights can refuse it. */
const bodies: Readonly<Record<string, object>> = {
  updateOrganisation: { name: "taken over" },
  updateProject: { name: "taken over" },
  rotateKey: {},
  updateKey: { name: "taken over" },
  updateLimit: { amount: 1 },
  updateBudget: { amount: "1" },
  raiseLimit: { amount: 100, until },
  raiseBudget: { amount: "100", until },
  createPlatformLimit: { kind: "tokens", amount: 7 },
  updatePlatformLimit: { amount: 1 },
  raisePlatformLimit: { amount: 100, until },
  createPlatformBudget: { amount: "3", period: "total" },
  updatePlatformBudget: { amount: "1" },
  raisePlatformBudget: { amount: "100", until },
  createOrganisation: { name: "mine" },
  createProject: { name: "mine" },
  createInvitation: { email: "somebody@example.com", role: "viewer" },
  createKey: { name: "mine" },
  createLimit: { kind: "tokens", amount: 7 },
  createBudget: { amount: "3", period: "total" },
  grantCredit: { amount: "1" },
  ...{ replayDeadLetters: {}, replayDeadLettersOfOrders: {}, replayDeadLettersOfArticles: {} },
  createPack: { name: "mine", price: "1", credit: "1" },
  createPlan: { name: "mine", price: "1", credit: "1" },
  createOrder: { product_id: `pck_${"0".repeat(26)}` },
  confirmPayment: { amount: "1", currency: "USD" },
  refundOrder: {},
  ...{ updatePack: { name: "taken over" }, updatePlan: { name: "taken over" } },
  createArticle: { title: "mine", body: "mine" },
  updateArticle: { title: "taken over" },
  publishArticle: {},
  putAttachment: { name: "mine", content: "mine" },
  importArticles: { files: [{ path: "mine.md", content: "mine" }] },
  putArticleRule: { project_id: `prj_${"0".repeat(26)}` },
  updateProfile: { theme: "dark" },
  eraseMe: { email: "nobody@example.com" },
  acceptOwnInvitation: { token: "none" },
  changePassword: { current_password: "x", password: "twelve letters" },
};

function ask(
  route: Route<never>,
  tenant: Tenant,
  headers: Readonly<Record<string, string>>,
  bodyChange: object = {},
): Ask {
  serial += 1;
  assert.ok(route.body === undefined || bodies[route.operationId] !== undefined, route.operationId);
  return {
    method: route.method,
    path: pathFor(route, tenant),
    headers: { ...headers, "if-match": "*", "idempotency-key": `matrix-${serial}` },
    ...(route.body === undefined ? {} : { body: { ...bodies[route.operationId], ...bodyChange } }),
  };
}

const bearer = (tenant: Tenant) => ({ authorization: `Bearer ${tenant.adminKey}` });

/** Ids of the right form that name nothing. */
const nowhere: Tenant = {
  adminKey: "",
  markers: [],
  values: {
    organisation_id: `org_${"0".repeat(26)}`,
    project_id: `prj_${"0".repeat(26)}`,
    key_id: `key_${"0".repeat(26)}`,
    owner: "users",
    invitation_id: `inv_${"0".repeat(26)}`,
    limit_id: `lim_${"0".repeat(26)}`,
    budget_id: `bdg_${"0".repeat(26)}`,
    pack_id: `pck_${"0".repeat(26)}`,
    order_id: `ord_${"0".repeat(26)}`,
    reference: "TDM-00000-00000",
    plan_id: `pln_${"0".repeat(26)}`,
    article_id: `art_${"0".repeat(26)}`,
    attachment_id: `att_${"0".repeat(26)}`,
    number: "1",
    user_id: `usr_${"0".repeat(26)}`,
    session_id: `ses_${"0".repeat(26)}`,
    provider: "nowhere",
    role: "viewer",
  },
};

describe("objects: another tenant's id in any path", () => {
  for (const route of withIds) {
    const strangers = isOfPlatform(route) ? organisationRoles : roles;
    test(`${route.method} ${route.path} answers as if it were not there, to everybody`, async () => {
      const before = await snapshot(other);
      for (const headers of [...strangers.map(as), bearer(own)]) {
        const refused = await house.ask(ask(route, other, headers));
        const missing = await house.ask(ask(route, nowhere, headers));
        assert.ok([403, 404].includes(refused.status), `${route.operationId}: ${refused.text}`);
        assert.equal(withoutId(refused.text), withoutId(missing.text));
        assertNothingOf(other, refused.text);
      }
      const byAdmin = await house.ask(ask(route, other, bearer(own)));
      // A key is nobody in particular: what is a person's own is not for it.
      const isRefused = isOfPlatform(route) || route.access === "caller";
      assert.equal(byAdmin.status, isRefused ? 403 : 404);
      assert.deepEqual(await snapshot(other), before, "nothing was changed");
    });
  }
});

function withoutId(text: string): string {
  return text.replace(/req_\w+/, "");
}

describe("properties: another tenant's ids in a body", () => {
  test("a key of another tenant's project is refused", async () => {
    const route = routes.find(({ operationId }) => operationId === "createKey");
    assert.ok(route !== undefined);
    const projectId = other.values["project_id"];
    const refused = await house.ask(ask(route, own, bearer(own), { project_id: projectId }));
    assert.equal(refused.status, 404);
    assertNothingOf(other, refused.text);
  });

  test("an organisation in a body is an unknown field, whoever's it is", async () => {
    for (const route of routes) {
      if (route.body === undefined || route.access === "public") continue;
      const grab = { organisation_id: other.values["organisation_id"] };
      const refused = await house.ask(ask(route, own, bearer(own), grab));
      assert.ok([400, 403].includes(refused.status), `${route.operationId}: ${refused.status}`);
    }
  });
});

describe("lists: nothing of another tenant", () => {
  for (const route of routes.filter(
    ({ method, path }) => method === "GET" && !path.includes(":"),
  )) {
    if (route.access === "public") continue;
    const strangers = isOfPlatform(route) ? organisationRoles : roles;
    test(`${route.path} shows every role its own tenant's alone, whatever cursor it sends`, async () => {
      const cursor = route.query === undefined ? "" : `?after=${other.values["project_id"]}`;
      for (const headers of [...strangers.map(as), bearer(own)]) {
        for (const suffix of new Set(["", cursor])) {
          const answer = await house.ask({ path: `${route.path}${suffix}`, headers });
          assert.ok(answer.status < 500, `${route.path}${suffix}: ${answer.text}`);
          assertNothingOf(other, answer.text);
        }
      }
    });
  }
});

describe("functions: every route asks for its permission", () => {
  for (const route of routes) {
    const wanted = permissionsFor(route);
    if (wanted.length === 0) continue;
    test(`${route.operationId} is for ${wanted.join(" or ")} only`, async () => {
      for (const role of roles) {
        const has = wanted.some((name) => permissionsOfRoles([role]).has(name as never));
        if (has && route.method !== "GET") continue;
        const answer = await house.ask(ask(route, own, as(role)));
        if (has) assert.ok(![401, 403].includes(answer.status), `${role}: ${answer.text}`);
        else assert.ok([403, 404].includes(answer.status), `${role}: ${answer.status}`);
      }
      const strangers = [{}, { authorization: "Bearer sk-tdm-live_none" }];
      for (const headers of strangers) {
        assert.equal((await house.ask(ask(route, own, headers))).status, 401);
      }
    });
  }
});

/** What the tenant's own administrator sees of its things. */
async function snapshot(tenant: Tenant): Promise<unknown> {
  const views: unknown[] = [];
  for (const path of [
    "projects",
    "keys",
    "invitations",
    "limits",
    "budgets",
    "members",
    "packs",
    "plans",
    "orders",
    "articles",
    "article-rules",
  ]) {
    views.push(await house.expect(200, { path: `/api/v1/${path}`, key: tenant.adminKey }));
  }
  return JSON.parse(JSON.stringify(views), (name, value: unknown) =>
    name === "last_used_at" ? null : value,
  ) as unknown;
}

function assertNothingOf(tenant: Tenant, text: string): void {
  for (const marker of tenant.markers) assert.ok(!text.includes(marker), `${marker} in ${text}`);
}
