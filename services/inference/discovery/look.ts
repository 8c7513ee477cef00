import { Fault } from "@tandem/libs/kernel";
import type { World } from "@tandem/libs/world";
import type { DeclaredUpstream } from "../core/declared-upstream.ts";
import { profileOf } from "../core/profiles.ts";
import { type FoundModel, readModels } from "../core/read-models.ts";
import { httpGet } from "./http-get.ts";

export interface Look {
  readonly ok: boolean;
  /** Why not, in words for operators; empty when all is well. */
  readonly reason: string;
}

const discoveryTimeoutMs = 10_000;

/** Asks a server for its health; a server without such a page is asked for its models. */
export async function lookAt(
  world: World,
  upstream: DeclaredUpstream,
  timeoutMs: number,
): Promise<Look> {
  const { healthPath, modelsPath } = profileOf(upstream.profile);
  const path = healthPath === undefined ? modelsPath : `origin:${healthPath}`;
  try {
    const page = await httpGet(world, { ...upstream, path, timeoutMs });
    return page.status < 400
      ? { ok: true, reason: "" }
      : { ok: false, reason: `answers ${path.replace("origin:", "")} with status ${page.status}` };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

/** The models a server tells; rejects with a sentence for operators when it tells none. */
export async function discoverModels(
  world: World,
  upstream: DeclaredUpstream,
): Promise<readonly FoundModel[]> {
  const { modelsPath } = profileOf(upstream.profile);
  const page = await httpGet(world, {
    ...upstream,
    path: modelsPath,
    timeoutMs: discoveryTimeoutMs,
  });
  if (page.status === 401 || page.status === 403) {
    throw new Error(`refuses our API key (status ${page.status})`);
  }
  const models = page.status === 200 ? readModels(page.body) : undefined;
  if (models === undefined) {
    throw new Error(`${modelsPath} is no list of models (status ${page.status})`);
  }
  return models;
}

export function messageOf(error: unknown): string {
  if (Fault.is(error)) return error.publicMessage;
  return error instanceof Error ? error.message : String(error);
}
