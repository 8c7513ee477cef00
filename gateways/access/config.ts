import { section, text } from "@tandem/libs/config";
import { managementSettings } from "@tandem/libs/gateway";
import { z } from "zod";

export const configSchema = z.strictObject({
  setup: section({
    initialCredit: text({
      doc: "Credit granted when the platform is set up, so that the first call works; 0 for none.",
      default: "10.00",
      pattern: /^[0-9]{1,6}(\.[0-9]{1,9})?$/,
      example: "10.00",
    }),
    currency: text({
      doc: "The currency of that credit.",
      default: "USD",
      pattern: /^[A-Z]{3}$/,
      example: "USD",
    }),
  }),
  consolePath: text({
    doc: "Where a browser goes after signing in with a provider; a path on this platform.",
    default: "/",
    pattern: /^\/([^/\\].*)?$/,
    example: "/",
  }),
  ...managementSettings,
});

export type Config = z.output<typeof configSchema>;
