import { idleModel } from "@tandem/libs/testing";
import { contenderNames } from "./budgets.ts";
import type { Contender } from "./contenders/contender.ts";
import { counterPlaceholder, type Job, type JobResult } from "./load/job.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { Sample, ScenarioName } from "./samples.ts";
import {
  http2Request,
  messagesRequest,
  nativeRequest,
  responsesRequest,
  resumableRequest,
  rpcRequest,
  socketRequest,
  type TranslatedRequest,
} from "./translated-requests.ts";

/** How long things are measured. All in milliseconds, but for `idleStreams`. */
export interface Pace {
  readonly warmupMs: number;
  readonly windowMs: number;
  readonly idleStreams: number;
}

export interface Scenario {
  readonly name: ScenarioName;
  /** Who takes part, by the names of budgets.ts. */
  readonly contenders: readonly string[];
  jobOf(contender: Contender, pace: Pace): Job;
}

const connections = 64;
const streams = 100;
/** Requests a second of the latency scenario: about half of what the slowest path can do. */
const latencyRate = 2_000;

const { direct, nginx, haproxy, portkey, tandem, untranslated, gatewayAlone } = contenderNames;

export const scenarios: readonly Scenario[] = [
  {
    name: "unary-1.5k",
    contenders: [nginx, haproxy, portkey, tandem, gatewayAlone],
    jobOf: (contender, pace) => unary(contender, pace, freshBody(1_536)),
  },
  {
    name: "unary-32k",
    contenders: [nginx, haproxy, tandem, gatewayAlone],
    jobOf: (contender, pace) => unary(contender, pace, freshBody(32_768)),
  },
  {
    name: "stream-chunk",
    contenders: [nginx, haproxy, portkey, tandem, gatewayAlone],
    jobOf: (contender, pace) => ({
      ...base(contender, pace, chatBody(1_536, { stream: true })),
      ...{ kind: "stream", target: contender.stream, connections: streams },
    }),
  },
  translation("message-chunk", { told: messagesRequest(), untranslated: nativeRequest() }),
  translation("response-chunk", { told: responsesRequest(), untranslated: nativeRequest() }),
  // What is told on a WebSocket is resumable, and so is what it is set against.
  translation("websocket-chunk", { told: socketRequest(), untranslated: resumableRequest() }),
  translation("http2-chunk", { told: http2Request(), untranslated: nativeRequest() }),
  // gRPC needs HTTP/2: what that costs beside HTTP/1.1 is shown, and is no translation.
  translation("grpc-chunk", {
    told: rpcRequest("application/grpc"),
    untranslated: http2Request(),
  }),
  translation("grpc-web-chunk", {
    told: rpcRequest("application/grpc-web"),
    untranslated: nativeRequest(),
  }),
  translation("connect-chunk", {
    told: rpcRequest("application/connect+proto"),
    untranslated: nativeRequest(),
  }),
  {
    name: "cache-hit",
    contenders: [nginx, tandem, gatewayAlone],
    jobOf: (contender, pace) => unary(contender, pace, chatBody(1_536, { user: "same" })),
  },
  {
    name: "latency",
    contenders: [direct, nginx, haproxy, tandem],
    jobOf: (contender, pace) => ({
      ...base(contender, pace, freshBody(1_536)),
      ...{ kind: "unary", target: contender.unary, connections, ratePerSecond: latencyRate },
    }),
  },
  {
    name: "idle-stream",
    contenders: [nginx, haproxy, tandem],
    jobOf: (contender, pace) => ({
      ...base(contender, pace, chatBody(1_536, { stream: true, model: idleModel })),
      ...{ kind: "idle", target: contender.stream, connections: pace.idleStreams },
      // Four hundred are opened a second; the rest is for what they set off to settle.
      warmupMs: pace.idleStreams * 2.5 + 2_000,
    }),
  },
];

function unary(contender: Contender, pace: Pace, body: string): Job {
  return { ...base(contender, pace, body), kind: "unary", target: contender.unary, connections };
}

/**
 * Streams told otherwise than the upstream tells them, and the same told as it does, one right
 * after the other: what ran before moves a figure by more than a translation does.
 */
function translation(
  name: ScenarioName,
  given: { readonly told: TranslatedRequest; readonly untranslated: TranslatedRequest },
): Scenario {
  return {
    name,
    contenders: [untranslated, tandem],
    jobOf(contender, pace) {
      const isPlain = contender.name === untranslated;
      const { form, request } = isPlain ? given.untranslated : given.told;
      const { request: plain, ...rest } = base(contender, pace, "");
      const headers = { ...plain.headers, ...request.headers };
      return {
        ...{ ...rest, request: { ...request, headers } },
        ...{ kind: "stream", form, target: contender.stream, connections: streams },
      };
    },
  };
}

function base(contender: Contender, { warmupMs, windowMs }: Pace, body: string) {
  const { headers, pids } = contender;
  return { warmupMs, windowMs, pids, request: { path: "/v1/chat/completions", headers, body } };
}

/** A body that is another one each time it is sent, so that no cache answers it. */
function freshBody(bytes: number): string {
  return chatBody(bytes, { user: counterPlaceholder });
}

function chatBody(bytes: number, given: { user?: string; stream?: true; model?: string }): string {
  const { user = counterPlaceholder, stream, model = "mock-1" } = given;
  const body = (filling: string): string =>
    JSON.stringify({
      model,
      // One right answer: only then does a cache look for it.
      temperature: 0,
      ...(stream && { stream }),
      messages: [
        { role: "system", content: "You are terse." },
        { role: "user", content: `${user} ${filling}` },
      ],
    });
  const words = "The quick brown fox jumps over the lazy dog. ".repeat(bytes / 40 + 1);
  return body(words.slice(0, bytes - body("").length));
}

export async function measure(
  generator: LoadGenerator,
  scenario: Scenario,
  { contender, pace }: { readonly contender: Contender; readonly pace: Pace },
): Promise<Sample> {
  return sampleOf(await generator.run(scenario.jobOf(contender, pace)));
}

function sampleOf(result: JobResult): Sample {
  const { units, failed, problems, windowMs, cpuUs, latencyMsP50, latencyMsP99 } = result;
  return {
    ...{ units, failed, problems, latencyMsP50, latencyMsP99 },
    unitsPerSecond: (units * 1_000) / windowMs,
    cpuUsPerUnit: cpuUs / units,
    coreShare: cpuUs / 1_000 / windowMs,
    kibPerUnit: (result.memoryDuringKib - result.memoryBeforeKib) / units,
  };
}
