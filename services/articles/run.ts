/**
 * The articles service: a knowledge base of Markdown articles with versions, searched by words, by
 * exact terms and by meaning. Every operation takes the caller's organisation and project from the
 * signed passport and knows no other. Its state is in its database; vectors are made in the
 * background by an encoder without which search goes on by words, marked. What is changed is told
 * to the audit log through its outbox, in the transaction that changes it.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { AuditEntrySchema, AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { type Implementation, implement } from "@tandem/libs/rpc";
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
import { migrate, openDatabase, startRelay } from "@tandem/libs/store";
import { requireReplayer } from "./authority.ts";
import { buildRules } from "./build-rules.ts";
import { buildSearch } from "./build-search.ts";
import type { Config } from "./config.ts";
import { answer } from "./operations/answer.ts";
import { getAttachment, listAttachments } from "./operations/attachments.ts";
import { createArticle } from "./operations/create-article.ts";
import { deleteArticle } from "./operations/delete-article.ts";
import { deleteAttachment } from "./operations/delete-attachment.ts";
import { getArticle } from "./operations/get-article.ts";
import { importArticles } from "./operations/import-articles.ts";
import { listArticles } from "./operations/list-articles.ts";
import { publishArticle } from "./operations/publish-article.ts";
import { putAttachment } from "./operations/put-attachment.ts";
import { retrieve } from "./operations/retrieve.ts";
import { deleteRule, listRules, putRule, watchRules } from "./operations/rules.ts";
import { search } from "./operations/search.ts";
import { unpublishArticle } from "./operations/unpublish-article.ts";
import { updateArticle } from "./operations/update-article.ts";
import { getVersion, listVersions } from "./operations/versions.ts";
import type { ArticlesParts } from "./parts.ts";
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
  const relay = startRelay(database, {
    ...{ world, log },
    async deliver({ id, payload }) {
      await auth.recordAudit({ entry: fromBinary(AuditEntrySchema, payload), eventId: id });
    },
  });
  lifecycle.defer("outbox", () => relay.close());
  tellOutbox(site, lifecycle, database);
  const rules = buildRules(site, lifecycle, database);
  const { searcher, answerer, wakeFiller } = buildSearch(site, lifecycle, { database, config });
  const parts: ArticlesParts = {
    ...{ database, config, searcher, answerer, rules, wakeFiller },
    wakeRelay: () => relay.wake(),
  };
  return serveRpc(site, lifecycle, [
    operationsOf(parts),
    implementOutbox(database, { authorise: requireReplayer, wake: () => relay.wake() }),
  ]);
}

function operationsOf(parts: ArticlesParts): Implementation {
  return implement(ArticlesService, {
    createArticle: (request, context) => createArticle(parts, request, context),
    getArticle: (request, context) => getArticle(parts, request, context),
    listArticles: (request, context) => listArticles(parts, request, context),
    updateArticle: (request, context) => updateArticle(parts, request, context),
    deleteArticle: (request, context) => deleteArticle(parts, request, context),
    publishArticle: (request, context) => publishArticle(parts, request, context),
    unpublishArticle: (request, context) => unpublishArticle(parts, request, context),
    listVersions: (request, context) => listVersions(parts, request, context),
    getVersion: (request, context) => getVersion(parts, request, context),
    putAttachment: (request, context) => putAttachment(parts, request, context),
    listAttachments: (request, context) => listAttachments(parts, request, context),
    getAttachment: (request, context) => getAttachment(parts, request, context),
    deleteAttachment: (request, context) => deleteAttachment(parts, request, context),
    importArticles: (request, context) => importArticles(parts, request, context),
    search: (request, context) => search(parts, request, context),
    retrieve: (request, context) => retrieve(parts, request, context),
    answer: (request, context) => answer(parts, request, context),
    putRule: (request, context) => putRule(parts, request, context),
    deleteRule: (request, context) => deleteRule(parts, request, context),
    listRules: (request, context) => listRules(parts, request, context),
    watchRules: (request, context) => watchRules(parts, request, context),
  });
}
