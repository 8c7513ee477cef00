/** Every organisation, as those see it who run the platform. */
import { idField, pageOf, pageQuery, pageReply } from "@tandem/libs/gateway";
import { z } from "zod";
import { wallet, walletFromBalance } from "./money.ts";
import { organisation, organisationBody } from "./organisations.ts";
import { asCaller, asPlatform, route } from "./services.ts";

const access = { permission: "organisations:read" } as const;
const place = z.strictObject({ organisation_id: idField("org") });
const tag = "Platform";

export const platformRoutes = [
  route({
    method: "GET",
    path: "/api/v1/platform/organisations",
    operationId: "listAllOrganisations",
    summary: "List every organisation of the platform, newest first.",
    tag,
    access,
    query: pageQuery,
    reply: pageOf(organisation),
    async handle(call, { users }) {
      const { organisations, hasMore } = await users.listAllOrganisations(
        call.query,
        asCaller(call),
      );
      return pageReply({
        items: organisations.map(organisationBody),
        hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/platform/organisations/:organisation_id/wallet",
    operationId: "getWalletOfOrganisation",
    summary: "Read an organisation's credit.",
    tag,
    access,
    params: place,
    reply: wallet,
    async handle(call, { users, quota }) {
      const { organisation_id: organisationId } = call.params;
      await users.getOrganisation({ id: organisationId }, asCaller(call));
      const balance = await quota.getBalance({ organisationId }, asPlatform(call));
      return { body: walletFromBalance(balance) };
    },
  }),
];
