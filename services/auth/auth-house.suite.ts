/**
 * Two auth replicas on one real database, and a stand-in for the users service that makes each
 * thing once and can be told to break off.
 */
import { AuthService, type Identity } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { hashApiKey } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { type Handlers, implement, type PassportClaims, type RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica, serveRpc } from "@tandem/libs/service";
import { type Database, openDatabase } from "@tandem/libs/store";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { realWorld, type World } from "@tandem/libs/world";
import { start } from "./main.ts";
import type { Schema } from "./store/schema.ts";

export type AuthClient = RpcClient<(typeof AuthService)["method"]>;

export const setupToken = "the-token-of-this-house";
export const organisation = "org_a";

export interface AuthHouse {
  readonly first: AuthClient;
  readonly second: AuthClient;
  readonly database: Database<Schema>;
  readonly postgres: TestPostgres;
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
  /** People by address, as the users service would know them. */
  readonly people: Map<string, string>;
  /** Called before each users operation, by name; throw to break off there. */
  breakOff: ((operation: string) => void) | undefined;
  /** Moves everybody's wall clock, in milliseconds. */
  skipMs(ms: number): void;
  verify(secret: string, client?: AuthClient): Promise<{ identity?: Identity; refusal: string }>;
  close(): Promise<void>;
}

/** Claims of a caller with these scopes and roles. */
export function claims(given: Partial<PassportClaims> = {}): PassportClaims {
  return {
    organisationId: organisation,
    projectId: "",
    userId: "",
    keyId: "key_admin",
    sessionId: "",
    scopes: ["admin"],
    roles: [],
    ...given,
  };
}

export async function openAuthHouse(): Promise<AuthHouse> {
  const clock = { offsetMs: 0 };
  const house = createTestHouse({
    world: shiftedWorld(clock),
    replicas: ["auth/1", "auth/2", "users/1", "access/1"],
    calls: { access: ["auth"], auth: ["users"], users: ["auth"] },
  });
  const postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const gateway = house.site("access/1");
  const lifecycle = createLifecycle(gateway);
  const usersSite = house.site("users/1");
  const usersLife = createLifecycle(usersSite);
  const settings = { setupToken, keyEnvironment: "test" };
  const shared = { databaseUrl, hotStoreUrl: `lmdb:${gateway.dataDirectory}`, settings };
  const sites = [house.site("auth/1", shared), house.site("auth/2", shared)] as const;
  const people = new Map<string, string>();
  const database = openDatabase<Schema>(databaseUrl, {
    world: realWorld(),
    log: gateway.log,
    poolSize: 2,
  });
  const connect = (address: Replica["address"]): AuthClient =>
    connectRpc(gateway, lifecycle, { service: AuthService, deployable: "auth", address });
  const opened: AuthHouse = {
    first: connect(sites[0].address),
    second: connect(sites[1].address),
    database,
    postgres,
    logLines: house.logLines,
    people,
    breakOff: undefined,
    skipMs: (ms) => {
      clock.offsetMs += ms;
    },
    async verify(secret, client = opened.first) {
      const secretHash = hashApiKey(secret, gateway.keys.apiKeyPepper);
      const { identity, refusal } = await client.verifyKey({ secretHash });
      return identity === undefined ? { refusal } : { identity, refusal };
    },
    async close() {
      await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
      for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
      await database.destroy();
      await postgres.stop();
      house.close();
    },
  };
  const users = implement(UsersService, usersStandIn(opened));
  const replicas = [
    await serveRpc(usersSite, usersLife, [users]),
    ...(await Promise.all(sites.map((site) => start(site)))),
  ];
  return opened;
}

function shiftedWorld(clock: { offsetMs: number }): World {
  const real = realWorld();
  return {
    ...real,
    clock: { ...real.clock, nowMs: () => real.clock.nowMs() + clock.offsetMs },
  };
}

type UsersHandlers = Handlers<(typeof UsersService)["method"]>;

function usersStandIn(house: AuthHouse): UsersHandlers {
  const unused = Object.fromEntries(
    UsersService.methods.map(({ localName }) => [
      localName,
      () => Promise.reject(new Error(`${localName} is not needed here`)),
    ]),
  ) as unknown as UsersHandlers;
  const step = (name: string): void => house.breakOff?.(name);
  return {
    ...unused,
    createOrganisation: async ({ name }) => {
      step("createOrganisation");
      return { id: organisation, name };
    },
    createUser: async ({ email }) => {
      step("createUser");
      const id = house.people.get(email) ?? `usr_${house.people.size + 1}`;
      house.people.set(email, id);
      return { id, email };
    },
    createProject: async ({ name }) => {
      step("createProject");
      return { id: "prj_1", name };
    },
    findUserByEmail: async ({ email }) => {
      step("findUserByEmail");
      const id = house.people.get(email);
      if (id === undefined) {
        throw new Fault({ code: "not_found", reason: "users.user_not_found", publicMessage: "" });
      }
      return { id, email };
    },
  };
}
