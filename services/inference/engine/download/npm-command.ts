import type { World } from "@tandem/libs/world";

/**
 * How to run npm: the one that started the product (`npm_execpath`, under the Node it came with),
 * else the one on the path.
 */
export function npmCommand({ environment }: Pick<World, "environment">): {
  readonly command: string;
  readonly args: readonly string[];
} {
  const script = environment["npm_execpath"];
  if (script !== undefined && /\bnpm-cli\.c?js$/.test(script)) {
    const node = environment["npm_node_execpath"] ?? process.execPath;
    return { command: node, args: [script] };
  }
  return { command: "npm", args: [] };
}
