import { count, duration, secret, text, toggle } from "@tandem/libs/config";
import { z } from "zod";
import { profileNames } from "./core/profiles.ts";

const upstream = z.strictObject({
  name: text({
    doc: "What the upstream is called in answers, logs and metrics.",
    pattern: /^[a-z0-9][a-z0-9._-]{0,62}$/,
    example: "vllm-1",
  }),
  profile: z.enum(profileNames as [string, ...string[]]).meta({ description: "Kind of server." }),
  baseUrl: text({
    doc: "Where its OpenAI-compatible API starts, with /v1 where it has one.",
    pattern: /^(https?:\/\/|unix:\/)/,
    example: "http://127.0.0.1:8000/v1",
  }),
  apiKey: secret({
    doc: "Sent to it as a bearer token; written as a reference to an environment variable or a file.",
  }).optional(),
  role: z
    .enum(["primary", "standby"])
    .default("primary")
    .meta({ description: "A standby is used when the primary upstreams of a model are unwell." }),
  discover: toggle({ doc: "Ask it for its models and their context length.", default: true }),
  models: z.array(z.string()).default([]).meta({ description: "Models beyond the discovered." }),
  maxConcurrency: count({
    doc: "Requests at once; 0: no limit.",
    default: 0,
    min: 0,
    max: 100_000,
  }),
  firstTokenTimeoutMs: duration({
    doc: "Longest wait for the first token; 0s: what suits the profile.",
    default: "0s",
    min: "0s",
    max: "30m",
  }),
  idleTimeoutMs: duration({
    doc: "Longest silence within an answer; 0s: what suits the profile.",
    default: "0s",
    min: "0s",
    max: "10m",
  }),
  totalTimeoutMs: duration({
    doc: "Longest answer; 0s: what suits the profile.",
    default: "0s",
    min: "0s",
    max: "2h",
  }),
});

export const configSchema = z.strictObject({
  upstreams: z.array(upstream).default([]).meta({ description: "Upstreams, in any order." }),
  detected: z
    .array(z.strictObject({ name: z.string(), profile: z.string(), baseUrl: z.string() }))
    .default([])
    .meta({ description: "Model servers that the supervisor found on this machine." }),
  engine: toggle({ doc: "Use the embedded engine where the topology has one.", default: true }),
  probePeriodMs: duration({
    doc: "How often an upstream on own hardware is looked at.",
    default: "2s",
    min: "250ms",
    max: "5m",
  }),
  probeTimeoutMs: duration({
    doc: "When a look counts as failed.",
    default: "2s",
    min: "50ms",
    max: "30s",
  }),
  discoveryPeriodMs: duration({
    doc: "How often an upstream is asked for its models.",
    default: "60s",
    min: "1s",
    max: "24h",
  }),
  privateAddresses: z
    .enum(["allow", "refuse"])
    .default("allow")
    .meta({ description: "Whether the management API may add upstreams in private networks." }),
});

export type Config = z.output<typeof configSchema>;
export type UpstreamSetting = Config["upstreams"][number];
