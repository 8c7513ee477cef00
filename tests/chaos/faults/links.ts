/**
 * Fault proxies between the routers and the replicas of a gateway: each replica's Unix socket is
 * moved aside and a proxy put in its place. Routers are killed once, so that none keeps a
 * connection that leads past it. Other links (stores, upstreams) have their proxies from the start.
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import type { FaultHouse } from "../fault-house.ts";
import { type ProxyThread, proxyThread } from "../proxy-thread.ts";

/** By replica: `ai-1`. */
export type Links = ReadonlyMap<string, ProxyThread>;

const opened = new WeakMap<FaultHouse, { readonly pids: string; readonly links: Links }>();

/** The links to the ai gateway's replicas; made anew when those were replaced. */
export async function openLinks(house: FaultHouse): Promise<Links> {
  await house.tandem.until(({ state }) => state === "ready", 30_000);
  const { processes, runDirectory } = await house.tandem.status();
  const gateways = processes.filter(({ hosts }) => hosts.some((host) => host.startsWith("ai/")));
  const pids = gateways.map(({ pid }) => pid).join();
  const known = opened.get(house);
  if (known?.pids === pids) return known.links;
  const links = new Map<string, ProxyThread>();
  for (const replica of gateways.flatMap(({ hosts }) => hosts)) {
    const id = replica.replace("/", "-");
    const listen = join(runDirectory, "sockets", `${id}.sock`);
    const target = `${listen}.real`;
    renameSync(listen, target);
    links.set(id, await proxyThread({ target, listen }));
  }
  opened.set(house, { pids, links });
  const routers = processes.filter(({ hosts }) => hosts.some((one) => one.startsWith("router/")));
  for (const { pid } of routers) if (pid !== undefined) process.kill(pid, "SIGKILL");
  await house.tandem.until(
    (status) =>
      status.state === "ready" &&
      routers.every(({ pid }) => status.processes.every((one) => one.pid !== pid)),
    30_000,
  );
  return links;
}

/**
 * Puts the replicas of the gateway on their own sockets again, so that nothing passes proxies that
 * share the machine with what is measured: each is started anew, one after the other.
 */
export async function closeLinks(house: FaultHouse): Promise<void> {
  const known = opened.get(house);
  if (known === undefined) return;
  opened.delete(house);
  for (const [id, link] of known.links) {
    // First, since a proxy that ends takes the socket's file along.
    await link.close();
    const { processes } = await house.tandem.status();
    const gateway = processes.find(({ hosts }) => hosts.includes(id.replace("-", "/")));
    if (gateway === undefined) continue;
    await house.tandem.control(`restart/${gateway.name}`);
    await house.tandem.until(({ state }) => state === "ready", 30_000);
  }
}

/** The first replica's link: the one that has the fault. */
export async function firstLink(house: FaultHouse): Promise<ProxyThread> {
  const [link] = (await openLinks(house)).values();
  if (link === undefined) throw new Error("there is no gateway");
  return link;
}
