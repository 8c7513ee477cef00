import type { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import type { Database } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import type { OidcProvider } from "./oidc/provider.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import type { RevocationHub } from "./revocation-hub.ts";
import type { Schema } from "./store/schema.ts";
import type { UseLog } from "./use-log.ts";

/** What operations are carried out with. */
export interface AuthParts {
  readonly database: Database<Schema>;
  readonly config: Config;
  /** Of the platform; keys, tokens and addresses are stored as HMACs under it. */
  readonly pepper: Uint8Array;
  readonly passwords: PasswordHasher;
  readonly revocations: RevocationHub;
  readonly uses: UseLog;
  /** By name. */
  readonly providers: ReadonlyMap<string, OidcProvider>;
  readonly users: RpcClient<(typeof UsersService)["method"]>;
}
