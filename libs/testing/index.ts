/**
 * What tests, benches and chaos runs are made of, and production never imports: a world that
 * replays from a seed, a deterministic model server with faults on demand, a proxy that breaks
 * connections in every known way, a harness that runs the real product, and a load driver.
 * Everything here opens loopback sockets only, and closes what it opened.
 */

export { type Browser, findBrowser, type Page, startBrowser } from "./browser.ts";
export { selfSigned } from "./certificate.ts";
export { startTestPostgres, type TestPostgres } from "./database.ts";
export type { EngineCall } from "./engine/call-log.ts";
export { referenceVector } from "./engine/embedding.ts";
export type { EngineFault } from "./engine/engine-fault.ts";
export { type MockEngine, type MockEngineOptions, mockEngine } from "./engine/mock-engine.ts";
export { mockStream, mockWhole } from "./engine/mock-stream.ts";
export type { EngineModel, EngineProfile } from "./engine/profile.ts";
export { answerMark, type Question } from "./engine/question.ts";
export { countTokens, promptHashOf, referenceText } from "./engine/reference-text.ts";
export {
  type Door,
  type FaultProxy,
  faultProxy,
  type LinkFaults,
  type ProxyFaults,
} from "./fault-proxy.ts";
export { freePort } from "./free-port.ts";
export { type HttpAnswer, httpRequest } from "./http-request.ts";
export {
  type InstantUpstream,
  type InstantUpstreamOptions,
  idleModel,
  instantUpstream,
} from "./instant-upstream.ts";
export {
  type LoadFailure,
  type LoadOptions,
  type LoadReport,
  quantile,
  type RunningLoad,
  startLoad,
} from "./load-driver.ts";
export {
  type PlainAnswer,
  type PlainClient,
  type PlainClientOptions,
  plainClient,
} from "./plain-client.ts";
export { refusalOf } from "./refusal.ts";
export { type RunningProcess, runningProcesses } from "./running-process.ts";
export { hashText, mixBits, type SeededRandom, seededRandom } from "./seeded-random.ts";
export { type SeededWorld, seededWorld } from "./seeded-world.ts";
export { textOfStream, textOfWhole } from "./spoken-text.ts";
export {
  readDevEnv,
  startTandem,
  type Tandem,
  type TandemEvent,
  type TandemOptions,
  type TandemProcess,
  type TandemStatus,
} from "./tandem.ts";
export { createTestHouse, type TestHouse } from "./test-house.ts";
export { createTestRedis, redisBinary, type TestRedis } from "./test-redis.ts";
