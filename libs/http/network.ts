import { definePort, portOf, type World } from "../world/index.ts";
import { type ClientPoolOptions, createClientPool as createSocketPool } from "./client-pool.ts";
import type { ClientPool } from "./contract.ts";
import {
  createPublicServer as createPublicSocketServer,
  type PublicServer,
  type PublicServerOptions,
} from "./public-server.ts";
import {
  createHttpServer as createSocketServer,
  type HttpServer,
  type HttpServerOptions,
} from "./server.ts";

/**
 * Servers and clients of a world that has a network of its own. Its exchanges and calls keep to
 * `contract.ts` as those over sockets do; how they travel is its own affair.
 */
export interface HttpNetwork {
  createHttpServer(options: HttpServerOptions): HttpServer;
  createPublicServer(options: PublicServerOptions): PublicServer;
  createClientPool(options: ClientPoolOptions): ClientPool;
}

export const networkPort = definePort<HttpNetwork>("network");

const sockets: HttpNetwork = {
  createHttpServer: createSocketServer,
  createPublicServer: createPublicSocketServer,
  createClientPool: createSocketPool,
};

function networkOf(world: World): HttpNetwork {
  return portOf(world, networkPort) ?? sockets;
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  return networkOf(options.world).createHttpServer(options);
}

export function createPublicServer(options: PublicServerOptions): PublicServer {
  return networkOf(options.world).createPublicServer(options);
}

export function createClientPool(options: ClientPoolOptions): ClientPool {
  return networkOf(options.world).createClientPool(options);
}
