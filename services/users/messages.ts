/** From rows to the contract's messages, in one place. */
import type {
  Invitation,
  Membership,
  Organisation,
  Project,
  User,
} from "@tandem/contracts/rpc/users/v1/users_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { Selectable } from "@tandem/libs/store";
import type { Schema } from "./store/schema.ts";

export type OrganisationRow = Selectable<Schema["organisations"]>;
export type UserRow = Selectable<Schema["users"]>;
export type ProjectRow = Selectable<Schema["projects"]>;
export type InvitationRow = Selectable<Schema["invitations"]>;
export type MembershipRow = Selectable<Schema["memberships"]> & Pick<UserRow, "email" | "name">;

/** Milliseconds since 1970; 0 for what has not happened. */
export function stamp(date: Date | null): bigint {
  return date === null ? 0n : BigInt(date.getTime());
}

export function organisationMessage(row: OrganisationRow): MessageInit<Organisation> {
  return {
    id: row.id,
    name: row.name,
    createdAtMs: stamp(row.created_at),
    version: row.version,
  };
}

export function userMessage(row: UserRow): MessageInit<User> {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    language: row.language,
    theme: row.theme,
    timeZone: row.time_zone,
    createdAtMs: stamp(row.created_at),
    version: row.version,
  };
}

export function projectMessage(row: ProjectRow): MessageInit<Project> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    name: row.name,
    createdAtMs: stamp(row.created_at),
    archivedAtMs: stamp(row.archived_at),
    version: row.version,
  };
}

export function membershipMessage(row: MembershipRow): MessageInit<Membership> {
  return {
    organisationId: row.organisation_id,
    userId: row.user_id,
    email: row.email,
    name: row.name,
    role: row.role,
    joinedAtMs: stamp(row.joined_at),
  };
}

export function invitationMessage(row: InvitationRow): MessageInit<Invitation> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    email: row.email,
    role: row.role,
    createdAtMs: stamp(row.created_at),
    expiresAtMs: stamp(row.expires_at),
    acceptedAtMs: stamp(row.accepted_at),
    revokedAtMs: stamp(row.revoked_at),
  };
}
