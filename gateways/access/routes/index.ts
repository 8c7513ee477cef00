/** All routes of this gateway, and the headings they stand under in the reference. */
import type { Route } from "@tandem/libs/gateway";
import { alertRoutes } from "./alerts.ts";
import { auditRoutes } from "./audit.ts";
import { deadLetterRoutes } from "./dead-letters.ts";
import { documentRoutes } from "./document.ts";
import { invitationRoutes } from "./invitations.ts";
import { keyRoutes } from "./keys.ts";
import { budgetRoutes } from "./limits/budgets.ts";
import { limitRoutes } from "./limits/limits.ts";
import { loadRoutes } from "./limits/loads.ts";
import { meRoutes } from "./me.ts";
import { memberRoutes } from "./members.ts";
import { moneyRoutes } from "./money.ts";
import { organisationRoutes } from "./organisations.ts";
import { ownDataRoutes } from "./own-data.ts";
import { platformRoutes } from "./platform.ts";
import { projectRoutes } from "./projects.ts";
import type { AccessServices } from "./services.ts";
import { sessionRoutes } from "./sessions.ts";
import { setupRoutes } from "./setup.ts";
import { signInAndLinkRoutes } from "./sign-in.ts";
import { topologyRoutes } from "./topology.ts";

export type { AccessServices } from "./services.ts";

export const accessRoutes: readonly Route<AccessServices>[] = [
  ...setupRoutes,
  ...sessionRoutes,
  ...signInAndLinkRoutes,
  ...meRoutes,
  ...ownDataRoutes,
  ...organisationRoutes,
  ...projectRoutes,
  ...memberRoutes,
  ...invitationRoutes,
  ...keyRoutes,
  ...limitRoutes,
  ...budgetRoutes,
  ...loadRoutes,
  ...moneyRoutes,
  ...auditRoutes,
  ...platformRoutes,
  ...topologyRoutes,
  ...alertRoutes,
  ...deadLetterRoutes,
  ...documentRoutes,
];

export const accessTags = [
  { name: "Setup", description: "The first use of an empty platform." },
  { name: "Sessions", description: "Signing in and out, for the console." },
  { name: "Me", description: "Who one is, and one's own preferences." },
  { name: "Organisations", description: "The organisations one belongs to." },
  { name: "Projects", description: "What keys, limits and usage are grouped by." },
  { name: "Members", description: "People of the organisation, their roles, invitations." },
  { name: "Keys", description: "What programs show to be let in." },
  { name: "Limits", description: "Limits of rate and concurrency, and budgets." },
  { name: "Money", description: "The wallet, credit, and the ledger behind them." },
  { name: "Audit", description: "Who did what, in a chain of hashes." },
  { name: "Platform", description: "How the platform is, and what its operators do for all." },
] as const;
