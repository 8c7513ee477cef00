/** Whom a limit or budget is for, and as whom it is set. */
import type { Subject } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { idField, type RestCall } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { z } from "zod";
import { accessFaults } from "../../faults.ts";
import type { AccessServices } from "../services.ts";
import { asCaller } from "../services.ts";

/** What a limit or budget is of; what is left out stands for any. */
export const subjectShape = {
  project_id: idField("prj").nullable().default(null),
  user_id: idField("usr").nullable().default(null),
  key_id: idField("key").nullable().default(null),
  model: z.string().min(1).max(128).nullable().default(null),
};

export const subjectReply = {
  project_id: z.string().nullable(),
  user_id: z.string().nullable(),
  key_id: z.string().nullable(),
  model: z.string().nullable(),
};

/** As the contract has it; an organisation's own id is never taken from a request's body. */
export function subjectOf(
  organisationId: string,
  body: z.output<z.ZodObject<typeof subjectShape>>,
) {
  return {
    organisationId,
    projectId: body.project_id ?? "",
    userId: body.user_id ?? "",
    keyId: body.key_id ?? "",
    model: body.model ?? "",
  };
}

export function subjectBody(subject: Subject | undefined) {
  return {
    project_id: subject?.projectId || null,
    user_id: subject?.userId || null,
    key_id: subject?.keyId || null,
    model: subject?.model || null,
  };
}

/** "Is at another version" means, for something new, that there is one already. */
export function existsAlready(error: unknown): unknown {
  if (!Fault.is(error) || error.reason !== "quota.version_mismatch") return error;
  return accessFaults.limit_exists({ cause: error });
}

/**
 * Two views of the same things: an organisation's own, and those that the platform sets for an
 * organisation, which that can read and not change.
 */
export interface View {
  readonly setBy: "organisation" | "platform";
  /** In front of the path. */
  readonly prefix: string;
  /** `limit.raised`, or `allowance.raised` in the log of who runs the platform. */
  readonly actionOf: (action: string) => string;
  /** `updateLimit`, `updatePlatformLimit`. */
  readonly nameOf: (name: string) => string;
  readonly tag: string;
  /** What it says in the reference, behind a verb. */
  readonly whose: string;
  readonly read: { readonly permission: string; readonly visibleWith?: string };
  readonly write: { readonly permission: string; readonly visibleWith?: string };
  readonly place: Readonly<Record<string, z.ZodType<string>>>;
  /** Throws `rest.not_found` where there is none such. */
  organisationOf(call: RestCall, services: AccessServices): Promise<string>;
}

export const ownView: View = {
  setBy: "organisation",
  prefix: "/api/v1",
  actionOf: (action) => action,
  nameOf: (name) => name,
  tag: "Limits",
  whose: "the organisation's",
  read: { permission: "limits:read", visibleWith: "limits:read" },
  write: { permission: "limits:write", visibleWith: "limits:read" },
  place: {},
  organisationOf: async (call) => call.caller.claims.organisationId,
};

export const platformView: View = {
  setBy: "platform",
  prefix: "/api/v1/platform/organisations/:organisation_id",
  actionOf: (action) => `platform.${action}`,
  nameOf: (name) => name.replace(/(Limit|Budget)/, "Platform$1"),
  tag: "Platform",
  whose: "an organisation's",
  read: { permission: "organisations:read" },
  write: { permission: "allowances:write" },
  place: { organisation_id: idField("org") },
  async organisationOf(call, { users }) {
    const id = (call.params as { readonly organisation_id: string }).organisation_id;
    await users.getOrganisation({ id }, asCaller(call));
    return id;
  },
};
