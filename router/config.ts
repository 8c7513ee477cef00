import { count, duration, section, size, text, toggle } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  bodyLimitBytes: size({
    doc: "Largest request body; a larger one is refused with 413.",
    default: "10MiB",
    min: "1KiB",
    max: "1GiB",
  }),
  replayLimitBytes: size({
    doc: "Request bodies up to this are kept until the answer began, so that they can be sent again.",
    default: "1MiB",
    min: "0KiB",
    max: "16MiB",
  }),
  withheldAnswerBytes: size({
    doc: "Whole answers up to this leave only when they are complete, so that none is seen broken.",
    default: "64KiB",
    min: "0KiB",
    max: "1MiB",
  }),
  requestTimeoutMs: duration({
    doc: "From a request's head to the end of its answer; then 504, or the stream is cut.",
    default: "10m",
    min: "1s",
    max: "24h",
  }),
  socketTimeoutMs: duration({
    doc: "How long a WebSocket may last; then its connection is closed.",
    default: "24h",
    min: "1s",
    max: "30d",
  }),
  requestsMax: count({
    doc: "Requests under way at once, a tenth of them not for models; one more is refused with 503.",
    default: 8_192,
    min: 1,
    max: 1_000_000,
  }),
  connectionsMax: count({
    doc: "Open client connections; one more is refused with 503.",
    default: 16_384,
    min: 1,
    max: 1_000_000,
  }),
  connectionsPerAddressMax: count({
    doc: "Open client connections of one address. Behind a load balancer set it to its share.",
    default: 1_024,
    min: 1,
    max: 1_000_000,
  }),
  attemptsMax: count({
    doc: "Attempts for one request, the first included, once a replica has got the request.",
    default: 3,
    min: 1,
    max: 10,
  }),
  holdTimeoutMs: duration({
    doc: "How long a request waits for a gateway while no replica of it accepts connections.",
    default: "3s",
    min: "0ms",
    max: "60s",
  }),
  streamHoldTimeoutMs: duration({
    doc: "The same for a stream under way whose gateway replica was lost.",
    default: "10s",
    min: "0ms",
    max: "5m",
  }),
  lossesMax: count({
    doc: "Gateway replicas that one stream may lose and still go on; then it is cut.",
    default: 8,
    min: 0,
    max: 100,
  }),
  probePeriodMs: duration({
    doc: "Between two readiness probes of one gateway replica; four times that where nobody calls.",
    default: "250ms",
    min: "50ms",
    max: "10s",
  }),
  probeTimeoutMs: duration({
    doc: "A probe without an answer for this long has failed.",
    default: "200ms",
    min: "20ms",
    max: "10s",
  }),
  slowRequestMs: duration({
    doc: "Requests that took longer are always logged.",
    default: "30s",
    min: "1ms",
    max: "1h",
  }),
  slowFirstByteMs: duration({
    doc: "A streamed answer that begins later counts as slow, for the alert answers-slow.",
    default: "5s",
    min: "10ms",
    max: "10m",
  }),
  logEvery: count({
    doc: "Of the requests that went well and fast, every n-th is logged; 1 logs all.",
    default: 100,
    min: 1,
    max: 1_000_000,
  }),
  trustedProxies: text({
    doc: "Addresses and CIDR ranges, separated by commas, whose x-forwarded-for is believed.",
    default: "",
    pattern: /^[0-9a-fA-F.:/, ]*$/,
    example: "10.0.0.0/8, ::1",
  }),
  corsOrigins: text({
    doc:
      "Origins whose pages may use the model API from a browser, separated by commas; `*` is any. " +
      "With keys only: cookies are never taken from another origin.",
    default: "",
    pattern:
      /^(\*|([a-z][a-z0-9+.-]*:\/\/[^\s,/*?#@]+)(\s*,\s*[a-z][a-z0-9+.-]*:\/\/[^\s,/*?#@]+)*)?$/,
    example: "https://app.example.com, http://localhost:5173",
  }),
  fastPath: toggle({
    doc: "Serve common requests by the strict reader; false sends all through node:http.",
    default: true,
  }),
  tls: section({
    certificatePath: text({
      doc: "PEM file of the certificate chain. With a key, the public door speaks TLS only.",
      default: "",
    }),
    keyPath: text({ doc: "PEM file of the certificate's private key.", default: "" }),
  }),
});

export type Config = z.output<typeof configSchema>;
