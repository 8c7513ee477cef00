/**
 * The auth service: who may do what. It owns keys, sessions, roles, the setup of an empty platform
 * and the audit log, and tells every gateway of revocations within 100 ms. All state is in its
 * database, so replicas are alike and need no leader. Without the database it refuses to answer,
 * and never says that a key is bad; gateways go on with whom they know.
 */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { type Implementation, implement } from "@tandem/libs/rpc";
import {
  connectRpc,
  createLifecycle,
  type Replica,
  type Site,
  serveRpc,
  tellHotStore,
} from "@tandem/libs/service";
import { databaseUrlOf, tellDatabase } from "@tandem/libs/service/database";
import { type Database, migrate, openDatabase } from "@tandem/libs/store";
import { openHotStore } from "@tandem/libs/store/hot";
import type { Config } from "./config.ts";
import { startFellowWords } from "./fellow-words.ts";
import { createProviders } from "./oidc/providers.ts";
import { completeSignIn } from "./operations/complete-sign-in.ts";
import { createKey } from "./operations/create-key.ts";
import { endSession } from "./operations/end-session.ts";
import { exportPerson } from "./operations/export-person.ts";
import { forgetPerson } from "./operations/forget-person.ts";
import { getKey } from "./operations/get-key.ts";
import { grantRole } from "./operations/grant-role.ts";
import { listAudit } from "./operations/list-audit.ts";
import { listKeys } from "./operations/list-keys.ts";
import { listLinks } from "./operations/list-links.ts";
import { listRoles } from "./operations/list-roles.ts";
import { listSessions } from "./operations/list-sessions.ts";
import { recordAudit } from "./operations/record-audit.ts";
import { redeemSetup } from "./operations/redeem-setup.ts";
import { removeLink } from "./operations/remove-link.ts";
import { reportKeyUse } from "./operations/report-key-use.ts";
import { revokeKey } from "./operations/revoke-key.ts";
import { revokeRole } from "./operations/revoke-role.ts";
import { rotateKey } from "./operations/rotate-key.ts";
import { setPassword } from "./operations/set-password.ts";
import { signIn } from "./operations/sign-in.ts";
import { signOut } from "./operations/sign-out.ts";
import { listSignInProviders, startSignIn } from "./operations/start-sign-in.ts";
import { updateKey } from "./operations/update-key.ts";
import { verifyAudit } from "./operations/verify-audit.ts";
import { verifyKey } from "./operations/verify-key.ts";
import { verifySession } from "./operations/verify-session.ts";
import { watchRevocations } from "./operations/watch-revocations.ts";
import type { AuthParts } from "./parts.ts";
import { createPasswordHasher } from "./password-hasher.ts";
import { type RevocationHub, startRevocationHub } from "./revocation-hub.ts";
import { offerSetup } from "./setup-link.ts";
import { deleteOldStates } from "./store/links.ts";
import { deleteOldAttempts, deleteOldSessions } from "./store/people.ts";
import { migrations, type Schema } from "./store/schema.ts";
import { startUseLog } from "./use-log.ts";

const sweepPeriodMs = 600_000;
const sessionsKeptMs = 30 * 24 * 3_600_000;
const attemptsKeptMs = 24 * 3_600_000;

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const poolSize = config.databaseConnections;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize });
  lifecycle.defer("database", () => database.destroy());
  const hotStore = await openHotStore(site.hotStoreUrl, { world, log });
  lifecycle.defer("hot store", () => hotStore.close());
  tellHotStore(site, hotStore);
  let hub: RevocationHub | undefined;
  // From here on, so that one that starts while the database is away says that it cannot read it.
  const fellows = startFellowWords(site, lifecycle, {
    hotStore,
    standing: () => hub?.standing ?? { isCut: true, sequence: 0n },
  });
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);
  hub = startRevocationHub(database, lifecycle, fellows);

  const parts: AuthParts = {
    database,
    config,
    pepper: site.keys.apiKeyPepper,
    passwords: createPasswordHasher({
      atOnceMax: config.passwordHashesMax,
      waitingMax: config.passwordQueueMax,
    }),
    revocations: hub,
    uses: startUseLog(database, lifecycle),
    providers: createProviders(config.oidc, world),
    users: connectRpc(site, lifecycle, { service: UsersService, deployable: "users" }),
  };
  await offerSetup(parts, log);
  const sweeping = world.timers.every(sweepPeriodMs, () => void sweep(database));
  lifecycle.defer("sweeping", () => sweeping.cancel());
  return serveRpc(site, lifecycle, [operationsOf(parts)]);
}

function operationsOf(parts: AuthParts): Implementation {
  return implement(AuthService, {
    verifyKey: (request, context) => verifyKey(parts, request, context),
    watchRevocations: (request, context) => watchRevocations(parts, request, context),
    createKey: (request, context) => createKey(parts, request, context),
    getKey: (request, context) => getKey(parts, request, context),
    listKeys: (request, context) => listKeys(parts, request, context),
    updateKey: (request, context) => updateKey(parts, request, context),
    rotateKey: (request, context) => rotateKey(parts, request, context),
    revokeKey: (request, context) => revokeKey(parts, request, context),
    reportKeyUse: (request, context) => reportKeyUse(parts, request, context),
    redeemSetup: (request, context) => redeemSetup(parts, request, context),
    setPassword: (request, context) => setPassword(parts, request, context),
    signIn: (request, context) => signIn(parts, request, context),
    verifySession: (request, context) => verifySession(parts, request, context),
    signOut: (request, context) => signOut(parts, request, context),
    exportPerson: (request, context) => exportPerson(parts, request, context),
    forgetPerson: (request, context) => forgetPerson(parts, request, context),
    listSignInProviders: (_request, context) => listSignInProviders(parts, context),
    startSignIn: (request, context) => startSignIn(parts, request, context),
    completeSignIn: (request, context) => completeSignIn(parts, request, context),
    listLinks: (request, context) => listLinks(parts, request, context),
    removeLink: (request, context) => removeLink(parts, request, context),
    listSessions: (request, context) => listSessions(parts, request, context),
    endSession: (request, context) => endSession(parts, request, context),
    grantRole: (request, context) => grantRole(parts, request, context),
    revokeRole: (request, context) => revokeRole(parts, request, context),
    listRoles: (request, context) => listRoles(parts, request, context),
    listAudit: (request, context) => listAudit(parts, request, context),
    recordAudit: (request, context) => recordAudit(parts, request, context),
    verifyAudit: (request, context) => verifyAudit(parts, request, context),
  });
}

/** Sessions nobody can use and attempts nobody counts any more go. */
async function sweep(database: Database<Schema>): Promise<void> {
  const nowMs = database.world.clock.nowMs();
  try {
    await deleteOldSessions(database, new Date(nowMs - sessionsKeptMs));
    await deleteOldStates(database, new Date(nowMs));
    await deleteOldAttempts(database, new Date(nowMs - attemptsKeptMs));
  } catch (error) {
    database.log.warn("sweep_failed", { detail: String(error) });
  }
}
