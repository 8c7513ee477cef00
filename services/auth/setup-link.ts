/**
 * How an empty platform is opened: by the token it was started with, or by a link that is printed
 * to the log, once for all replicas, and good for half an hour. There is no default password.
 */

import { transaction } from "@tandem/libs/store";
import type { Log } from "@tandem/libs/telemetry";
import type { AuthParts } from "./parts.ts";
import { findSetup, hasLiveSetupToken, lockSetupTokens, putSetupToken } from "./store/setup.ts";
import { hashToken, newToken } from "./tokens.ts";

export async function offerSetup(
  { database, config, pepper }: Pick<AuthParts, "database" | "config" | "pepper">,
  log: Log,
): Promise<void> {
  const now = new Date(database.world.clock.nowMs());
  await transaction(database, async (tx) => {
    const setup = await findSetup(tx);
    if (setup !== undefined && setup.completed_at !== null) return;
    if (config.setupToken !== undefined) {
      const hash = hashToken(pepper, "setup", config.setupToken.reveal());
      await putSetupToken(tx, { hash, expiresAt: null });
      return;
    }
    await lockSetupTokens(tx);
    if (await hasLiveSetupToken(tx, now)) return;
    const token = newToken(database.world);
    const expiresAt = new Date(now.getTime() + config.setupLinkMs);
    await putSetupToken(tx, { hash: hashToken(pepper, "setup", token), expiresAt });
    log.warn("setup_required", {
      path: `/setup#t=${token}`,
      expires_s: Math.round(config.setupLinkMs / 1000),
    });
  });
}
