import type { World } from "@tandem/libs/world";
import type { Config } from "../config.ts";
import { ordersFaults } from "../faults.ts";
import { manualProvider } from "./manual.ts";
import type { PaymentProvider } from "./provider.ts";
import { stripeProvider } from "./stripe/stripe-provider.ts";

/**
 * The configured provider; undefined for `none`. Throws `orders.provider_unconfigured` for one
 * without its secrets: an unsigned event must have nowhere to go.
 */
export function buildProvider(
  { payments }: Pick<Config, "payments">,
  world: World,
): PaymentProvider | undefined {
  if (payments.provider === "none") return undefined;
  if (payments.provider === "manual") return manualProvider(payments);
  const { secretKey, webhookSecret, baseUrl, returnUrl } = payments.stripe;
  const [key, signing] = [secretKey?.reveal() ?? "", webhookSecret?.reveal() ?? ""];
  if (key.trim() === "" || signing.trim() === "" || returnUrl === "") {
    throw ordersFaults.provider_unconfigured({
      publicMessage:
        "orders.payments.provider is stripe: give payments.stripe.secretKey, webhookSecret and " +
        "returnUrl, or choose manual.",
    });
  }
  return stripeProvider(
    { baseUrl: baseUrl.replace(/\/+$/, ""), secretKey: key, webhookSecret: signing, returnUrl },
    { nowMs: () => world.clock.nowMs() },
  );
}
