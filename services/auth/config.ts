import { count, duration, secret, section, text } from "@tandem/libs/config";
import { z } from "zod";
import { organisationRoles } from "./core/permissions.ts";

const provider = z.strictObject({
  name: text({
    doc: "In addresses and in the log.",
    pattern: /^[a-z][a-z0-9-]{0,31}$/,
    example: "keycloak",
  }),
  displayName: text({ doc: "What people read on the button; the name when empty.", default: "" }),
  issuer: text({
    doc: "Its issuer identifier; /.well-known/openid-configuration is asked for below it.",
    pattern: /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/])[^\s]*$/,
    example: "https://login.example.com/realms/main",
  }),
  clientId: text({ doc: "What the platform is called there.", pattern: /^\S{1,255}$/ }),
  clientSecret: secret({
    doc: "Absent for a public client, which PKCE alone protects.",
  }).optional(),
  scopes: text({ doc: "What it is asked to tell.", default: "openid email profile" }),
  join: z
    .strictObject({
      organisationId: text({
        doc: "Where people of this provider become members.",
        pattern: /^org_/,
      }),
      role: z
        .enum(organisationRoles)
        .default("viewer")
        .meta({ description: "The role that somebody new gets." }),
      emailDomains: z
        .array(z.string())
        .default([])
        .meta({ description: "Only people with an address in one of these; empty: all." }),
    })
    .optional(),
});

export const configSchema = z.strictObject({
  keyEnvironment: text({
    doc: "Stands in every key made here (sk-tdm-live_…), so that people see where it belongs.",
    default: "live",
    pattern: /^[a-z][a-z0-9]{0,15}$/,
    example: "live",
  }),
  setupToken: secret({
    doc: "Opens setup once, for automated installs. Without it a link is printed to the log.",
  }).optional(),
  setupLinkMs: duration({
    doc: "How long a printed setup link opens setup.",
    default: "30m",
    min: "1m",
    max: "24h",
  }),
  sessionIdleMs: duration({
    doc: "A session ends after this long without a request.",
    default: "30m",
    min: "1m",
    max: "24h",
  }),
  sessionAbsoluteMs: duration({
    doc: "A session ends after this long in any case.",
    default: "12h",
    min: "5m",
    max: "720h",
  }),
  oidc: section({
    publicUrl: text({
      doc: "Where browsers reach the platform. Providers send them back below it.",
      default: "",
      pattern: /^(https?:\/\/[^\s/]+)?$/,
      example: "https://ai.example.com",
    }),
    timeoutMs: duration({
      doc: "How long a provider may take for one answer.",
      default: "4s",
      min: "100ms",
      max: "20s",
    }),
    providers: z.array(provider).default([]).meta({
      description: "OpenID Connect providers that people can sign in with; any number.",
    }),
  }),
  passwordHashesMax: count({
    doc: "Passwords hashed at the same time, 19 MiB and some 25 ms of a CPU each.",
    default: 2,
    min: 1,
    max: 64,
  }),
  passwordQueueMax: count({
    doc: "Sign-ins that wait for a place; one more is told to come back.",
    default: 32,
    min: 1,
    max: 1_000,
  }),
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 8,
    min: 2,
    max: 100,
  }),
});

export type Config = z.output<typeof configSchema>;
