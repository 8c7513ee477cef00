/**
 * The users service: people, organisations, projects, membership and invitations. Every operation
 * takes the caller's organisation from the signed passport and knows no other; changes carry the
 * version they were made from. What it does is told to the audit log through its outbox, in the
 * transaction that does it. All state is in its database; without that it refuses, and gateways
 * answer reads from their last copies, marked.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { AuditEntrySchema, AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { type Implementation, implement, type RpcClient } from "@tandem/libs/rpc";
import {
  connectRpc,
  createLifecycle,
  type Replica,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import {
  databaseUrlOf,
  implementOutbox,
  tellDatabase,
  tellOutbox,
} from "@tandem/libs/service/database";
import { migrate, type OutboxEvent, openDatabase, startRelay } from "@tandem/libs/store";
import { requireOperator } from "./authority.ts";
import type { Config } from "./config.ts";
import { acceptInvitation } from "./operations/accept-invitation.ts";
import { completeInvitation } from "./operations/complete-invitation.ts";
import { createInvitation } from "./operations/create-invitation.ts";
import { createOrganisation } from "./operations/create-organisation.ts";
import { createProject } from "./operations/create-project.ts";
import { createUser } from "./operations/create-user.ts";
import { exportPerson } from "./operations/export-person.ts";
import { findUserByEmail } from "./operations/find-user-by-email.ts";
import { forgetPerson } from "./operations/forget-person.ts";
import { getOrganisation } from "./operations/get-organisation.ts";
import { getProject } from "./operations/get-project.ts";
import { getUser } from "./operations/get-user.ts";
import { listAllOrganisations } from "./operations/list-all-organisations.ts";
import { listInvitations } from "./operations/list-invitations.ts";
import { listMembers } from "./operations/list-members.ts";
import { listOrganisations } from "./operations/list-organisations.ts";
import { listProjects } from "./operations/list-projects.ts";
import { removeMember } from "./operations/remove-member.ts";
import { revokeInvitation } from "./operations/revoke-invitation.ts";
import { updateOrganisation } from "./operations/update-organisation.ts";
import { updateProject } from "./operations/update-project.ts";
import { updateUser } from "./operations/update-user.ts";
import type { UsersParts } from "./parts.ts";
import { migrations, type Schema } from "./store/schema.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const poolSize = config.databaseConnections;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize });
  lifecycle.defer("database", () => database.destroy());
  tellDatabase(site, lifecycle, database);
  await migrate(database, migrations);

  const auth = connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" });
  const deliver = (event: OutboxEvent): Promise<void> => tellAudit(auth, event);
  const relay = startRelay(database, { world, log, deliver });
  lifecycle.defer("outbox", () => relay.close());
  tellOutbox(site, lifecycle, database);
  const parts: UsersParts = {
    database,
    config,
    pepper: site.keys.apiKeyPepper,
    wakeRelay: () => relay.wake(),
  };
  return serveRpc(site, lifecycle, [
    operationsOf(parts),
    implementOutbox(database, {
      authorise: requireOperator,
      wake: () => relay.wake(),
    }),
  ]);
}

async function tellAudit(
  auth: RpcClient<(typeof AuthService)["method"]>,
  { id, payload }: OutboxEvent,
): Promise<void> {
  await auth.recordAudit({ entry: fromBinary(AuditEntrySchema, payload), eventId: id });
}

function operationsOf(parts: UsersParts): Implementation {
  return implement(UsersService, {
    createOrganisation: (request, context) => createOrganisation(parts, request, context),
    getOrganisation: (request, context) => getOrganisation(parts, request, context),
    updateOrganisation: (request, context) => updateOrganisation(parts, request, context),
    listOrganisations: (request, context) => listOrganisations(parts, request, context),
    listAllOrganisations: (request, context) => listAllOrganisations(parts, request, context),
    exportPerson: (request, context) => exportPerson(parts, request, context),
    forgetPerson: (request, context) => forgetPerson(parts, request, context),
    createUser: (request, context) => createUser(parts, request, context),
    getUser: (request, context) => getUser(parts, request, context),
    findUserByEmail: (request, context) => findUserByEmail(parts, request, context),
    updateUser: (request, context) => updateUser(parts, request, context),
    createProject: (request, context) => createProject(parts, request, context),
    getProject: (request, context) => getProject(parts, request, context),
    updateProject: (request, context) => updateProject(parts, request, context),
    listProjects: (request, context) => listProjects(parts, request, context),
    listMembers: (request, context) => listMembers(parts, request, context),
    removeMember: (request, context) => removeMember(parts, request, context),
    createInvitation: (request, context) => createInvitation(parts, request, context),
    listInvitations: (request, context) => listInvitations(parts, request, context),
    acceptInvitation: (request, context) => acceptInvitation(parts, request, context),
    completeInvitation: (request, context) => completeInvitation(parts, request, context),
    revokeInvitation: (request, context) => revokeInvitation(parts, request, context),
  });
}
