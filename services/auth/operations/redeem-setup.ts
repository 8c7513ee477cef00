/**
 * First use of an empty platform: organisation, owner, project and keys, behind a setup token.
 *
 * It touches two services and can be killed anywhere, so every step may be repeated: the users
 * service makes each thing once by its idempotency key, and the keys are made, or given new
 * secrets, in one transaction at the end. States: absent → begun → redeemed → complete. Setup is
 * complete when the admin key was used or the owner has signed in: only then is the answer known to
 * have arrived and been kept. Until that moment the same token repeats it, and the secrets given
 * out before work on for ten minutes beside the new ones.
 */
import type {
  RedeemSetupRequest,
  RedeemSetupResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { priorityDefault, priorityName } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { requirePlatform } from "../authority.ts";
import { earlierEnd } from "../core/key-state.ts";
import { authFaults } from "../faults.ts";
import { mintSecret } from "../key-secrets.ts";
import type { AuthParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { endSecret, insertKey, liveSecrets } from "../store/keys.ts";
import { insertGrant, putPasswordHash } from "../store/people.ts";
import { beginSetup, isSetupToken, lockSetup, recordSetup, type SetupRow } from "../store/setup.ts";
import { hashToken } from "../tokens.ts";

const emailPattern = /^[^\s@]+@[^\s@]+$/;
const nameLengthMax = 100;
const emailLengthMax = 254;
const repeatedOverlapMs = 600_000;

const adminScopes = [
  "admin",
  "platform",
  "manage:read",
  "manage:write",
  "inference",
  "models:read",
];
const founderRoles = ["owner", "platform:owner"];
const inferenceScopes = ["inference", "models:read"];

/** What the users service has made. */
interface Founded {
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
}

/** Throws `auth.setup_refused`, `auth.setup_differs`, `auth.setup_malformed`. */
export async function redeemSetup(
  parts: AuthParts,
  request: RedeemSetupRequest,
  context: CallContext,
): Promise<MessageInit<RedeemSetupResponse>> {
  requirePlatform(context);
  const { database, pepper, passwords } = parts;
  const now = new Date(database.world.clock.nowMs());
  const details = checkDetails(request);
  const isGood = await isSetupToken(database, hashToken(pepper, "setup", request.token), now);
  if (!isGood) throw authFaults.setup_refused();
  const passwordHash = request.password === "" ? undefined : await passwords.hash(request.password);
  const setup = await beginSetup(database, { ...details, now });
  if (setup.completed_at !== null) throw authFaults.setup_refused();
  if (setup.email !== details.email || setup.organisation_name !== details.organisationName) {
    throw authFaults.setup_differs();
  }
  const founded = await found(parts, setup, context);
  return act(database, asOwner(context, founded), async (action) => {
    const locked = await lockSetup(action.tx);
    if (locked.completed_at !== null) throw authFaults.setup_refused();
    return equip(parts, action, { setup: locked, founded, passwordHash });
  });
}

function checkDetails(request: RedeemSetupRequest): { email: string; organisationName: string } {
  const email = request.email.trim().toLowerCase();
  const organisationName = request.organisationName.trim();
  const isEmail = emailPattern.test(email) && email.length <= emailLengthMax;
  if (!isEmail || organisationName === "" || organisationName.length > nameLengthMax) {
    throw authFaults.setup_malformed();
  }
  return { email, organisationName };
}

/** Organisation, owner and project; each once, however often this is called. */
async function found(
  { users }: AuthParts,
  setup: SetupRow,
  context: CallContext,
): Promise<Founded> {
  const options = (): { requestId: string; deadlineMs: number } => ({
    requestId: context.requestId,
    deadlineMs: context.remainingMs(),
  });
  const organisation = await users.createOrganisation(
    { name: setup.organisation_name, idempotencyKey: "setup" },
    options(),
  );
  const organisationId = organisation.id;
  const owner = { organisationId, email: setup.email, name: "", role: "owner" };
  const user = await users.createUser(owner, options());
  const first = { organisationId, name: "Default", idempotencyKey: "setup" };
  const project = await users.createProject(first, options());
  return { organisationId, projectId: project.id, userId: user.id };
}

/** The log says who the owner is, not that a gateway called. */
function asOwner(context: CallContext, { userId }: Founded): CallContext {
  return { ...context, passport: { ...context.passport, userId } };
}

async function equip(
  parts: AuthParts,
  action: Action,
  given: {
    readonly setup: SetupRow;
    readonly founded: Founded;
    readonly passwordHash: string | undefined;
  },
): Promise<MessageInit<RedeemSetupResponse>> {
  const { tx, now } = action;
  const { setup, founded, passwordHash } = given;
  const { organisationId, projectId, userId } = founded;
  for (const role of founderRoles) {
    await insertGrant(tx, {
      organisation_id: organisationId,
      user_id: userId,
      role,
      granted_at: now,
    });
  }
  if (passwordHash !== undefined) await putPasswordHash(tx, userId, { passwordHash, now });
  const give = (id: string | null, name: string, scopes: readonly string[]) =>
    giveKey(parts, action, { id, name, scopes, founded });
  const admin = await give(setup.admin_key_id, "Setup: administration", adminScopes);
  const inference = await give(setup.inference_key_id, "Setup: inference", inferenceScopes);
  await recordSetup(tx, {
    organisation_id: organisationId,
    project_id: projectId,
    user_id: userId,
    admin_key_id: admin.keyId,
    inference_key_id: inference.keyId,
  });
  action.audit({
    organisationId,
    action: "setup.redeemed",
    target: organisationId,
    after: { user_id: userId, keys: [admin.keyId, inference.keyId], again: setup.user_id !== null },
  });
  return {
    organisationId,
    projectId,
    userId,
    adminKey: admin.secret,
    inferenceKey: inference.secret,
  };
}

/** The key with a new secret; made if it is not there yet. */
async function giveKey(
  parts: AuthParts,
  action: Action,
  given: {
    readonly id: string | null;
    readonly name: string;
    readonly scopes: readonly string[];
    readonly founded: Founded;
  },
): Promise<{ readonly keyId: string; readonly secret: string }> {
  const { tx, now } = action;
  const keyId = given.id ?? newId(parts.database.world, "key");
  if (given.id === null) {
    await insertKey(tx, {
      id: keyId,
      organisation_id: given.founded.organisationId,
      project_id: given.founded.projectId,
      user_id: given.founded.userId,
      name: given.name,
      scopes: given.scopes,
      allowed_models: [],
      allowed_endpoints: [],
      allowed_addresses: [],
      priority: priorityName(priorityDefault),
      created_at: now,
      expires_at: null,
      revoked_at: null,
      last_used_at: null,
      version: 1n,
      idempotency_key: null,
    });
  }
  for (const { hash, expires_at } of await liveSecrets(tx, keyId, now)) {
    const end = earlierEnd(expires_at?.getTime(), now.getTime() + repeatedOverlapMs);
    await endSecret(tx, hash, new Date(end ?? now));
  }
  const secret = await mintSecret(parts, tx, { keyId, now, idempotencyKey: "" });
  return { keyId, secret };
}
