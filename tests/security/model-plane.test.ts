/**
 * B12 for the gateway of models, through the public door: every management route × every role ×
 * another tenant's ids. It takes keys only, so a role comes as a key of somebody who has that role
 * and no other. The routes come from the table that serves them.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { permissionsFor } from "@tandem/libs/gateway";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import { managementRoutes } from "../../gateways/ai/management/index.ts";
import {
  organisationRoles,
  permissionsOf,
  type Role,
  scopes,
} from "../../services/auth/core/permissions.ts";
import { openProduct, type Product } from "../integration/product.ts";

type Body = Readonly<Record<string, unknown>>;

interface Credential {
  readonly what: string;
  readonly secret: string;
  readonly permissions: ReadonlySet<string>;
}

interface Tenant {
  /** May do everything in the organisation; of nobody in particular. */
  readonly key: string;
  readonly owner: Readonly<Record<string, string>>;
}

const { routes } = managementRoutes();
const password = "a password for everybody";
let product: Product;
let own: Tenant;
let other: Tenant;
let credentials: readonly Credential[];
/** What the other tenant has, by parameter. */
let theirs: Readonly<Record<string, string>>;

before(async () => {
  product = await openProduct();
  own = await found("own");
  other = await found("other");
  credentials = [...(await keysOfScopes()), ...(await keysOfRoles())];
  const conversation = await ask("POST", "/conversations", { key: other.key, body: {} });
  assert.equal(conversation.status, 201, conversation.text);
  const answer = await httpRequest(`tcp:127.0.0.1:${product.port}`, {
    ...{ method: "POST", path: "/v1/chat/completions" },
    headers: { authorization: `Bearer ${other.key}` },
    body: { model: "mock-1", max_tokens: 5, messages: [{ role: "user", content: "secret" }] },
  });
  assert.equal(answer.status, 200, answer.text);
  theirs = {
    conversation_id: String((conversation.json as Body)["id"]),
    request_id: String(answer.headers["x-request-id"]),
    ...{ model_id: "mock-1", name: "mock", rule_id: "rule-1" },
  };
});
after(() => product.close());

interface Ask {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

function ask(method: string, path: string, { key, headers, body }: Ask = {}): Promise<HttpAnswer> {
  return httpRequest(`tcp:127.0.0.1:${product.port}`, {
    method,
    path: `/api/v1${path}`,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      "if-match": "*",
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
}

async function made(method: string, path: string, given: Ask): Promise<Body> {
  const answer = await ask(method, path, given);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
  return (answer.json ?? {}) as Body;
}

async function signIn(email: string, token: unknown): Promise<Tenant["owner"]> {
  await made("POST", "/invitations/accept", { body: { token, name: "Somebody", password } });
  const opened = await ask("POST", "/sessions", { body: { email, password } });
  assert.equal(opened.status, 201, opened.text);
  return {
    cookie: String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "",
    "x-tandem-csrf": String((opened.json as Body)["csrf_token"]),
    "sec-fetch-site": "same-origin",
  };
}

async function found(name: string): Promise<Tenant> {
  const email = `${name}@example.com`;
  const founded = await product.manage("POST", "/organisations", { name, owner_email: email });
  const owner = await signIn(email, founded["invitation_token"]);
  const organisation_id = founded["id"];
  await product.manage("POST", "/credits", { organisation_id, amount: "1", reason: "test" });
  const wanted = { name: "all", scopes: ["admin", "inference"], owner: "nobody" };
  const key = await made("POST", "/keys", { headers: owner, body: wanted });
  return { key: String(key["secret"]), owner };
}

/** One key of nobody in particular for each scope that a tenant can give. */
async function keysOfScopes(): Promise<readonly Credential[]> {
  return Promise.all(
    scopes
      .filter((scope) => scope !== "platform")
      .map(async (scope) => {
        const body = { name: scope, scopes: [scope], owner: "nobody" };
        const { secret } = await made("POST", "/keys", { headers: own.owner, body });
        const authority = { keyId: "key", userId: "", scopes: [scope], roles: [] };
        return {
          ...{ what: `scope ${scope}`, secret: String(secret) },
          permissions: permissionsOf(authority),
        };
      }),
  );
}

/** One person's key for each role: made as an owner, who has that role alone from then on. */
async function keysOfRoles(): Promise<readonly Credential[]> {
  const keys: Credential[] = [];
  // One after the other: sign-ins that come all at once are told to wait.
  for (const role of organisationRoles) keys.push(await keyOfRole(role));
  return keys;
}

async function keyOfRole(role: Role): Promise<Credential> {
  const email = `${role}@example.com`;
  const body = { email, role: "owner" };
  const invited = await made("POST", "/invitations", { headers: own.owner, body });
  const session = await signIn(email, invited["token"]);
  const key = await made("POST", "/keys", {
    ...{ headers: session, body: { name: role, scopes: ["admin", "inference"] } },
  });
  if (role !== "owner") {
    const place = `/members/${key["user_id"]}/roles`;
    await made("PUT", `${place}/${role}`, { headers: own.owner });
    await made("DELETE", `${place}/owner`, { headers: own.owner });
  }
  return {
    ...{ what: `role ${role}`, secret: String(key["secret"]) },
    permissions: permissionsOf({
      ...{ keyId: "key", userId: "usr", scopes: ["admin", "inference"], roles: [role] },
    }),
  };
}

const pathOf = (path: string, values: Readonly<Record<string, string>>): string =>
  path.replace("/api/v1", "").replaceAll(/:(\w+)/g, (_whole, name: string) => {
    const value = values[name];
    assert.ok(value !== undefined, `the matrix has no value for :${name} of ${path}`);
    return value;
  });

const bodyOf = (route: (typeof routes)[number]): { readonly body?: object } =>
  route.body === undefined ? {} : { body: {} };

test("every route asks for its permission, of every role and every scope", async () => {
  for (const route of routes) {
    const wanted = permissionsFor(route);
    const path = pathOf(route.path, theirs);
    for (const { what, secret, permissions } of credentials) {
      const has = wanted.length === 0 || wanted.some((name) => permissions.has(name));
      if (has && route.method !== "GET") continue;
      const { status, text } = await ask(route.method, path, { key: secret, ...bodyOf(route) });
      const told = `${route.operationId} with ${what}: ${status} ${text}`;
      if (has) assert.ok(status < 500 && ![401, 403].includes(status), told);
      else assert.ok([403, 404].includes(status), told);
    }
    for (const key of [undefined, "sk-tdm-live_none"]) {
      const answer = await ask(route.method, path, { ...(key && { key }), ...bodyOf(route) });
      assert.equal(answer.status, 401, `${route.operationId}: ${answer.text}`);
    }
  }
});

test("another tenant's ids name nothing, whoever asks", async () => {
  const nothing = { conversation_id: `conv_${"0".repeat(26)}`, request_id: "req_nothing" };
  const ofTenants = routes.filter(({ path }) => /:(conversation|request)_id/.test(path));
  assert.ok(ofTenants.length >= 3);
  // It is there, for those whose it is.
  const mine = await ask("GET", `/conversations/${theirs["conversation_id"]}/messages`, {
    key: other.key,
  });
  assert.equal(mine.status, 200, mine.text);
  for (const route of ofTenants) {
    for (const { what, secret } of credentials) {
      const asked = (values: Readonly<Record<string, string>>) =>
        ask(route.method, pathOf(route.path, values), { key: secret, ...bodyOf(route) });
      const [refused, missing] = [await asked(theirs), await asked(nothing)];
      assert.ok([403, 404].includes(refused.status), `${route.operationId} with ${what}`);
      assert.equal(withoutId(refused.text), withoutId(missing.text));
    }
  }
  const still = await ask("GET", `/conversations/${theirs["conversation_id"]}/messages`, {
    key: other.key,
  });
  assert.equal(still.status, 200, still.text);
});

test("lists show nothing of another tenant", async () => {
  for (const { method, path, access } of routes) {
    if (method !== "GET" || path.includes(":") || access === "public") continue;
    for (const { what, secret } of credentials) {
      const { status, text } = await ask(method, path.replace("/api/v1", ""), { key: secret });
      assert.ok(status < 500, `${path} with ${what}: ${text}`);
      for (const id of [theirs["conversation_id"], theirs["request_id"]]) {
        assert.ok(!text.includes(String(id)), `${path} shows ${id} to ${what}`);
      }
    }
  }
});

function withoutId(text: string): string {
  return text.replaceAll(/req_\w+|conv_\w+/g, "");
}
