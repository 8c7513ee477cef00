/** All routes of this gateway, and the headings they stand under in the reference. */
import type { Route } from "@tandem/libs/gateway";
import { articlePartRoutes } from "./article-parts.ts";
import { articleSearchRoutes } from "./article-search.ts";
import { articleRoutes } from "./articles.ts";
import { deadLetterRoutes } from "./dead-letters.ts";
import { orderRoutes } from "./orders.ts";
import { paymentRoutes } from "./payments.ts";
import { packRoutes, planRoutes } from "./products.ts";
import type { BusinessServices } from "./services.ts";
import { statementRoutes } from "./statements.ts";
import { usageRoutes } from "./usage.ts";
import { exportRoute } from "./usage-export.ts";

export const businessRoutes: readonly Route<BusinessServices>[] = [
  ...packRoutes,
  ...planRoutes,
  ...orderRoutes,
  ...paymentRoutes,
  ...statementRoutes,
  ...deadLetterRoutes,
  ...articleRoutes,
  ...articlePartRoutes,
  ...articleSearchRoutes,
  ...usageRoutes,
  exportRoute,
];

export const businessTags = [
  { name: "Packs", description: "Credit that is bought once." },
  { name: "Plans", description: "Credit that is bought for a time." },
  { name: "Orders", description: "Packs and plans that were ordered, paid, or paid back." },
  { name: "Payments", description: "Payments of all orders, and what providers tell of them." },
  { name: "Statements", description: "What was paid and paid back in a month." },
  { name: "Articles", description: "The knowledge base: articles, search, and chats' context." },
  { name: "Usage", description: "What was used, by whom, and what it cost." },
] as const;
