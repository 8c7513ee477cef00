/** Two users replicas on one real database, and a stand-in for the audit log. */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { Fault } from "@tandem/libs/kernel";
import { type Handlers, implement, type PassportClaims, type RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica, serveRpc } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { start } from "./main.ts";

export type UsersClient = RpcClient<(typeof UsersService)["method"]>;

type AuthHandlers = Handlers<(typeof AuthService)["method"]>;

export interface UsersHouse {
  readonly first: UsersClient;
  readonly second: UsersClient;
  /** Event ids and actions as the audit log was told them, repetitions included. */
  readonly told: { readonly eventId: string; readonly action: string; readonly actor: string }[];
  /** While true the audit log refuses. */
  auditIsAway: boolean;
  skipMs(ms: number): void;
  close(): Promise<void>;
}

/** A person in an organisation; by session unless a key is given. */
export function asPerson(
  organisationId: string,
  given: Partial<PassportClaims> = {},
): { readonly caller: PassportClaims } {
  const caller = {
    organisationId,
    projectId: "",
    userId: "usr_owner",
    keyId: "",
    sessionId: "ses_1",
    scopes: [],
    roles: ["owner"],
    ...given,
  };
  return { caller };
}

export async function openUsersHouse(): Promise<UsersHouse> {
  const real = realWorld();
  const clock = { offsetMs: 0 };
  const world = {
    ...real,
    clock: { ...real.clock, nowMs: () => real.clock.nowMs() + clock.offsetMs },
  };
  const house = createTestHouse({
    world,
    replicas: ["users/1", "users/2", "auth/1", "access/1"],
    calls: { access: ["users"], users: ["auth"] },
  });
  const postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const gateway = house.site("access/1");
  const lifecycle = createLifecycle(gateway);
  const sites = [
    house.site("users/1", { databaseUrl }),
    house.site("users/2", { databaseUrl }),
  ] as const;
  const connect = (address: Replica["address"]): UsersClient =>
    connectRpc(gateway, lifecycle, { service: UsersService, deployable: "users", address });
  const opened: UsersHouse = {
    first: connect(sites[0].address),
    second: connect(sites[1].address),
    told: [],
    auditIsAway: false,
    skipMs: (ms) => {
      clock.offsetMs += ms;
    },
    async close() {
      await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
      for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
      await postgres.stop();
      house.close();
    },
  };
  const authSite = house.site("auth/1");
  const auditLog: Pick<AuthHandlers, "recordAudit"> = {
    recordAudit: async ({ entry, eventId }) => {
      if (opened.auditIsAway) {
        throw new Fault({ code: "unavailable", reason: "test.away", publicMessage: "away" });
      }
      opened.told.push({ eventId, action: entry?.action ?? "", actor: entry?.actor ?? "" });
      return {};
    },
  };
  const replicas = [
    await serveRpc(authSite, createLifecycle(authSite), [
      implement(AuthService, auditLog as AuthHandlers),
    ]),
    ...(await Promise.all(sites.map((site) => start(site)))),
  ];
  return opened;
}
