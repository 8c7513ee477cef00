import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { z } from "zod";
import { type DevEnv, doorUrls, readDevEnv, writeDevEnv } from "./dev-env.ts";
import { supervisorFaults } from "./faults.ts";
import { type CallAnswer, callJson } from "./http-call.ts";

const setupAnswerSchema = z.object({
  organisation_id: z.string(),
  project_id: z.string(),
  admin_key: z.string(),
  inference_key: z.string(),
});

const catalogueSchema = z.object({ default_model: z.string() });
const upstreamsSchema = z.object({ data: z.array(z.object({ source: z.string() })) });

export interface FirstRunOptions {
  /** The public door: `http://127.0.0.1:4600`. */
  readonly url: string;
  readonly devEnvFile: string;
  /** The secret that auth was told too; redeeming it twice gives the same organisation. */
  readonly setupToken: string;
  /** How long to wait, the first time, until the catalogue names a default model. */
  readonly modelPatienceMs: number;
  /** The engine is to have a model, and names it before it is there. */
  readonly isEngineToGenerate: boolean;
  readonly world: World;
  readonly log: Log;
}

const setupPatienceMs = 60_000;
const callTimeoutMs = 10_000;
const firstPauseMs = 50;
const longestPauseMs = 1000;

/** What answers when the catalogue is still empty: the rules choose among what there will be. */
const anyModel = "auto";

/**
 * Makes the first organisation, project and keys through the public door, like any client would,
 * and leaves them in `dev.env`. A start that finds the file only brings its addresses up to date,
 * and the model when none had a name yet. Killed between the call and the file, the next start
 * calls again with the same token.
 */
export async function prepareDevEnv(
  options: FirstRunOptions,
): Promise<{ readonly env: DevEnv; readonly isFirst: boolean }> {
  const existing = readDevEnv(options.devEnvFile);
  if (existing !== undefined) {
    const { TANDEM_ADMIN_KEY: key, TANDEM_MODEL: named } = existing;
    const model = named === anyModel ? await defaultModel(options, key, 0) : named;
    const env = { ...existing, ...doorUrls(options.url), TANDEM_MODEL: model };
    const isOutdated = env.OPENAI_BASE_URL !== existing.OPENAI_BASE_URL || model !== named;
    if (isOutdated) writeDevEnv(options.devEnvFile, env);
    return { env, isFirst: false };
  }
  const keys = await redeemSetupToken(options);
  const env: DevEnv = {
    ...doorUrls(options.url),
    OPENAI_API_KEY: keys.inference_key,
    TANDEM_MODEL: await defaultModel(options, keys.admin_key, options.modelPatienceMs),
    TANDEM_ADMIN_KEY: keys.admin_key,
  };
  writeDevEnv(options.devEnvFile, env);
  options.log.info("first_organisation_made", { organisation: keys.organisation_id });
  return { env, isFirst: true };
}

async function redeemSetupToken(
  options: FirstRunOptions,
): Promise<z.infer<typeof setupAnswerSchema>> {
  const { url, setupToken, world } = options;
  const endMs = world.clock.monotonicMs() + setupPatienceMs;
  let lastTrouble = "";
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      const answer = await callJson(`${url}/api/v1/setup`, {
        method: "POST",
        body: { token: setupToken, organisation_name: "Local", email: "admin@localhost.local" },
        timeoutMs: callTimeoutMs,
      });
      const parsed = setupAnswerSchema.safeParse(answer.body);
      if (answer.status < 300 && parsed.success) return parsed.data;
      lastTrouble = troubleOf(answer);
      if (answer.status < 500 && answer.status !== 429) break;
    } catch (error) {
      lastTrouble = String(error);
    }
    if (world.clock.monotonicMs() > endMs) break;
    await sleep(world, pauseMs);
  }
  throw supervisorFaults.setup_failed({
    publicMessage:
      `The first organisation and key could not be made: ${lastTrouble}\n` +
      "  Nothing is lost. Start again; if it stays, look into the logs beside dev.env.",
  });
}

function troubleOf({ status, body }: CallAnswer): string {
  const detail =
    typeof body === "object" && body !== null ? (body as { detail?: unknown }).detail : body;
  return `${status} ${typeof detail === "string" ? detail.slice(0, 300) : ""}`.trim();
}

/** What the catalogue calls the default, once upstreams told theirs; never waits for a download. */
async function defaultModel(
  options: FirstRunOptions,
  adminKey: string,
  patienceMs: number,
): Promise<string> {
  const { world } = options;
  const endMs = world.clock.monotonicMs() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      const parsed = catalogueSchema.safeParse(await read(options, adminKey, "models"));
      if (parsed.success && parsed.data.default_model !== "") return parsed.data.default_model;
      if (!(await mayBeNamed(options, adminKey))) return anyModel;
    } catch {
      // The door answered a moment ago; it will again, or the general name has to do.
    }
    if (world.clock.monotonicMs() >= endMs) return anyModel;
    await sleep(world, pauseMs);
  }
}

/** False where nobody is there to name a model: no upstream but an engine that gets none. */
async function mayBeNamed(options: FirstRunOptions, adminKey: string): Promise<boolean> {
  if (options.isEngineToGenerate) return true;
  const parsed = upstreamsSchema.safeParse(await read(options, adminKey, "upstreams"));
  return !parsed.success || parsed.data.data.some(({ source }) => source !== "engine");
}

async function read({ url }: FirstRunOptions, adminKey: string, what: string): Promise<unknown> {
  const { body } = await callJson(`${url}/api/v1/${what}`, {
    method: "GET",
    headers: { authorization: `Bearer ${adminKey}` },
    timeoutMs: callTimeoutMs,
  });
  return body;
}
