/** The first use of an empty platform. */
import { emailField, lineField, moneyField, moneyOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asPlatform, route } from "./services.ts";

export const passwordField = z.string().min(12).max(256);

export const setupRoutes = [
  route({
    method: "POST",
    path: "/api/v1/setup",
    operationId: "redeemSetup",
    summary: "Set the platform up with the token of its setup link.",
    description:
      "Makes the first organisation, its owner, a project, a key to administer and one for " +
      "inference, and grants the first credit. Repeat it after a broken answer: the same token " +
      "finishes the same setup, until somebody uses the admin key or signs in.",
    tag: "Setup",
    access: "public",
    status: 201,
    faults: ["auth.setup_refused", "auth.setup_differs"],
    body: z.strictObject({
      token: z.string().min(1).max(256),
      organisation_name: lineField({ max: 100 }),
      email: emailField,
      password: passwordField.optional(),
    }),
    reply: z
      .object({
        organisation_id: z.string(),
        project_id: z.string(),
        user_id: z.string(),
        admin_key: z.string().meta({ description: "Shown once." }),
        inference_key: z.string().meta({ description: "Shown once." }),
        credit: moneyField,
      })
      .meta({ id: "Setup" }),
    async handle(call, { auth, quota, initialCredit }) {
      const { token, organisation_name, email, password = "" } = call.body;
      const request = { token, organisationName: organisation_name, email, password };
      const made = await auth.redeemSetup(request, asPlatform(call));
      const { nanos, currency } = initialCredit;
      if (nanos > 0n) {
        const { organisationId } = made;
        // Its key is the organisation: however often setup is repeated, this is granted once.
        const grant = { organisationId, nanos, currency, kind: "granted", reason: "setup" };
        await quota.grantCredit({ ...grant, idempotencyKey: organisationId }, asPlatform(call));
      }
      return {
        body: {
          organisation_id: made.organisationId,
          project_id: made.projectId,
          user_id: made.userId,
          admin_key: made.adminKey,
          inference_key: made.inferenceKey,
          credit: moneyOf(nanos, currency),
        },
        headers: [["cache-control", "no-store"]],
      };
    },
  }),
];
