import { count, duration, section, size, text, toggle } from "@tandem/libs/config";
import { z } from "zod";

/** Settings of the `ai` gateway. Durations in milliseconds, sizes in bytes. */
export const configSchema = z.strictObject({
  bodyLimitBytes: size({
    doc: "Largest body of a request; beyond it 413.",
    default: "10MiB",
    min: "64KiB",
    max: "256MiB",
  }),
  answerLimitBytes: size({
    doc: "Largest whole answer of an upstream; beyond it the attempt counts as failed.",
    default: "32MiB",
    min: "1MiB",
    max: "256MiB",
  }),
  keepAliveMs: duration({
    doc: "How often a waiting stream is sent a comment, so that no client gives up.",
    default: "10s",
    min: "1s",
    max: "60s",
  }),
  wholeKeepAliveMs: duration({
    doc: "When a request without stream is sent its first blank line; its status is 200 then.",
    default: "30s",
    min: "1s",
    max: "5m",
  }),
  attemptsMax: count({
    doc: "Tries of one request altogether, each at another target.",
    default: 3,
    min: 1,
    max: 10,
  }),
  queueMax: count({
    doc: "Requests that may wait for a place at one upstream with a limit.",
    default: 1_000,
    min: 0,
    max: 100_000,
  }),
  shedding: section({
    lagMs: duration({
      doc: "How late this process may be before requests are turned away, the sheddable first.",
      default: "50ms",
      min: "10ms",
      max: "10s",
    }),
  }),
  streams: section({
    resumesMax: count({
      doc: "Breaks of one stream that are gone on from; the next one ends it, visibly.",
      default: 2,
      min: 0,
      max: 10,
    }),
    drainMs: duration({
      doc: "When this replica ends: how long its streams may take before others go on with them.",
      default: "30s",
      min: "0s",
      max: "10m",
    }),
    returnMs: duration({
      doc: "How long a broken stream waits for an upstream to be back where there is no other.",
      default: "15s",
      min: "0s",
      max: "5m",
    }),
  }),
  identity: section({
    outageMs: duration({
      doc: "How long known keys are accepted while revocations cannot be heard.",
      default: "30s",
      min: "0s",
      max: "15m",
    }),
    goneMs: duration({
      doc: "The same while no replica of auth runs on this machine, so that nobody can revoke.",
      default: "15m",
      min: "0s",
      max: "24h",
    }),
    cacheEntries: count({
      doc: "Verified keys kept in memory.",
      default: 100_000,
      min: 100,
      max: 5_000_000,
    }),
  }),
  wallet: section({
    patienceMs: duration({
      doc: "How long a request waits for money to be reserved before it is told to come back.",
      default: "2s",
      min: "100ms",
      max: "30s",
    }),
    durability: z
      .enum(["process", "power"])
      .default("process")
      .meta({
        description:
          "What a settlement must be able to survive before a paid answer may end: the death of " +
          "the process, with the disk following within 5 ms, or a loss of power as well.",
      }),
  }),
  cache: section({
    isEnabled: toggle({ doc: "Keep complete answers of requests with one answer.", default: true }),
    ttlMs: duration({
      doc: "How long an answer is kept.",
      default: "1h",
      min: "1s",
      max: "7d",
    }),
    memoryBytes: size({
      doc: "Answers kept in this process; the shared store keeps more.",
      default: "64MiB",
      min: "1MiB",
      max: "16GiB",
    }),
    answerBytes: size({
      doc: "Largest answer that is kept.",
      default: "256KiB",
      min: "1KiB",
      max: "4MiB",
    }),
    scope: z
      .enum(["key", "organisation"])
      .default("key")
      .meta({ description: "Whose requests may be answered with one another's answers." }),
  }),
  socket: section({
    messageBytes: size({
      doc: "Largest message on a WebSocket; a larger one closes it with 1009.",
      default: "1MiB",
      min: "1KiB",
      max: "64MiB",
    }),
    callsMax: count({
      doc: "Conversations under way at once on one WebSocket; one more is refused.",
      default: 16,
      min: 1,
      max: 1_000,
    }),
    messagesPerSecond: count({
      doc: "Messages, pings and pongs a second that a WebSocket may send; more closes it with 1008.",
      default: 100,
      min: 1,
      max: 100_000,
    }),
    pingMs: duration({
      doc: "How often a WebSocket is pinged; one that does not answer until the next ping is gone.",
      default: "20s",
      min: "100ms",
      max: "5m",
    }),
    helloMs: duration({
      doc: "How long a WebSocket may take to say which key it has.",
      default: "10s",
      min: "100ms",
      max: "5m",
    }),
  }),
  resume: section({
    keepMs: duration({
      doc: "How long an answer asked for with an Idempotency-Key can be asked for again.",
      default: "24h",
      min: "1s",
      max: "7d",
    }),
    graceMs: duration({
      doc: "How long such an answer goes on after its client's connection broke.",
      default: "60s",
      min: "0s",
      max: "15m",
    }),
    answerBytes: size({
      doc: "Largest answer that is kept for that; a longer one ends with its connection.",
      default: "2MiB",
      min: "16KiB",
      max: "8MiB",
    }),
    answersMax: count({
      doc: "Answers under way at once that are kept so; one more is answered without.",
      default: 1_000,
      min: 0,
      max: 100_000,
    }),
  }),
  articles: section({
    patienceMs: duration({
      doc: "How long a chat that wants articles waits for them before it goes on without, marked.",
      default: "800ms",
      min: "10ms",
      max: "10s",
    }),
    answerPatienceMs: duration({
      doc: "How long a chat with an extractive model waits for its answer before it is refused.",
      default: "5s",
      min: "100ms",
      max: "60s",
    }),
  }),
  failover: section({
    consent: z.enum(["everyone", "listed"]).default("everyone").meta({
      description: "Whose requests may go to a standby: everyone's, or of listed projects.",
    }),
    projects: z
      .array(z.string().max(64))
      .default([])
      .meta({ description: "Ids of the projects that may use a standby, where they are listed." }),
    costCapPerDay: text({
      doc: "What standbys may cost us in a day (UTC), in the upstreams' currency; empty: no cap.",
      default: "",
      pattern: /^([0-9]{1,6}(\.[0-9]{1,9})?)?$/,
      example: "50.00",
    }),
  }),
  responses: section({
    keepMs: duration({
      doc: "How long a response can be read again and gone on from.",
      default: "1d",
      min: "1m",
      max: "30d",
    }),
    backgroundMax: count({
      doc: "Responses that this replica makes in the background at once; one more gets 503.",
      default: 1_000,
      min: 0,
      max: 100_000,
    }),
    backgroundBytes: size({
      doc: "Largest response in the background, as its events; a longer one fails.",
      default: "4MiB",
      min: "16KiB",
      max: "8MiB",
    }),
    backgroundRequestBytes: size({
      doc: "Largest request for a response in the background.",
      default: "4MiB",
      min: "16KiB",
      max: "7MiB",
    }),
  }),
  detailsPerSecond: count({
    doc: "Requests a second that are recorded and logged in full; failed and slow ones always are.",
    default: 200,
    min: 0,
    max: 100_000,
  }),
  slowMs: duration({
    doc: "From when on a request counts as slow, and is always logged.",
    default: "60s",
    min: "10ms",
    max: "30m",
  }),
  noCreditStatus: z
    .union([z.literal(402), z.literal(429)])
    .default(402)
    .meta({ description: "Status when money is gone; 429 for clients that expect OpenAI's." }),
  publicName: text({
    doc: "The product's name in the `server` field of answers.",
    default: "tandem",
    pattern: /^[a-zA-Z0-9./_-]{1,64}$/,
    example: "tandem",
  }),
});

export type AiConfig = z.output<typeof configSchema>;
