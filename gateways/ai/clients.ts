/** The services this gateway asks, in its own words; the contracts' types stop here. */
import { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { ChatService } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import { InferenceService } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { connectRpc, type Lifecycle, type Site } from "@tandem/libs/service";

export type Clients = ReturnType<typeof connectClients>;

export function connectClients(site: Site, lifecycle: Lifecycle) {
  return {
    auth: connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" }),
    quota: connectRpc(site, lifecycle, { service: QuotaService, deployable: "quota" }),
    articles: connectRpc(site, lifecycle, { service: ArticlesService, deployable: "articles" }),
    chat: connectRpc(site, lifecycle, { service: ChatService, deployable: "chat" }),
    models: connectRpc(site, lifecycle, { service: ModelsService, deployable: "models" }),
    inference: connectRpc(site, lifecycle, { service: InferenceService, deployable: "inference" }),
    monitoring: connectRpc(site, lifecycle, {
      service: MonitoringService,
      deployable: "monitoring",
    }),
  };
}
