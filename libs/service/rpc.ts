import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import {
  createPassportSigner,
  createPassportVerifier,
  createReplicaSet,
  createRpcClient,
  createRpcServer,
  type Implementation,
  type OwnPages,
  type PassportSigner,
  type RpcClient,
} from "../rpc/index.ts";
import { type Address, replicaIdAt } from "./address.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Replica, Site } from "./site.ts";

/** What an orderly stop leaves to calls under way. */
const callDeadlineMs = 5_000;

/**
 * Serves a replica's contracts on its address, with `/livez`, `/readyz`, `/metrics` and `pages`, and
 * gives the replica to return from `run`. Call it last: what it serves must be there.
 */
export async function serveRpc(
  site: Site,
  lifecycle: Lifecycle,
  implementations: readonly Implementation[],
  pages: OwnPages = {},
): Promise<Replica> {
  const replica = lifecycle.replica(site.address);
  const server = await createRpcServer({
    address: site.address,
    implementations,
    verifier: createPassportVerifier({
      audience: site.deployable,
      publicKeys: () => site.keys.passportPublicKeys,
      mayCall: (issuer) => (site.topology.calls[issuer] ?? []).includes(site.deployable),
      nowMs: () => site.world.clock.nowMs(),
    }),
    unreadyChecks: () => replica.unreadyChecks(),
    pages: {
      "/metrics": {
        mediaType: "text/plain; version=0.0.4; charset=utf-8",
        text: () => site.metrics.expose(),
      },
      ...pages,
    },
    world: site.world,
    log: site.log,
  });
  lifecycle.defer("rpc server", (options) => server.close(options), { deadlineMs: callDeadlineMs });
  return replica;
}

const signers = new WeakMap<Site, PassportSigner>();

function signerOf(site: Site): PassportSigner {
  let signer = signers.get(site);
  if (signer === undefined) {
    signer = createPassportSigner({
      issuer: site.deployable,
      privateKey: () => site.keys.passportPrivateKey,
      nowMs: () => site.world.clock.nowMs(),
    });
    signers.set(site, signer);
  }
  return signer;
}

/**
 * A client of another deployable's contract, over all its replicas or the one address given.
 * Throws at once when the topology does not list the call: a client for it does not start.
 */
export function connectRpc<Methods extends GenServiceMethods>(
  site: Site,
  lifecycle: Lifecycle,
  target: {
    readonly service: GenService<Methods>;
    readonly deployable: string;
    readonly address?: Address;
  },
): RpcClient<Methods> {
  const { deployable, address: only } = target;
  const weightOf = (address: Address): number => site.weightOf?.(replicaIdAt(address)) ?? 1;
  const all = site.addressesOf(deployable);
  const replicas = createReplicaSet({
    addresses: only === undefined ? all : [only],
    world: site.world,
    weightOf,
  });
  if (only === undefined) {
    site.onMembersChange?.(() => replicas.setAddresses(site.addressesOf(deployable), weightOf));
  }
  const unfollow = site.callTallies?.follow(replicas);
  lifecycle.defer(`calls to ${deployable}`, () => {
    unfollow?.();
    replicas.close();
  });
  return createRpcClient(target.service, {
    deployable,
    replicas,
    signer: signerOf(site),
    world: site.world,
  });
}
