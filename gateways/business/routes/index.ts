/** All routes of this gateway, and the headings they stand under in the reference. */
import type { Route } from "@tandem/libs/gateway";
import { articlePartRoutes } from "./article-parts.ts";
import { articleSearchRoutes } from "./article-search.ts";
import { articleRoutes } from "./articles.ts";
import { packRoutes, planRoutes } from "./products.ts";
import type { BusinessServices } from "./services.ts";

export const businessRoutes: readonly Route<BusinessServices>[] = [
  ...packRoutes,
  ...planRoutes,
  ...articleRoutes,
  ...articlePartRoutes,
  ...articleSearchRoutes,
];

export const businessTags = [
  { name: "Packs", description: "Credit that is bought once." },
  { name: "Plans", description: "Credit that is bought for a time." },
  { name: "Articles", description: "The knowledge base: articles, search, and chats' context." },
] as const;
