import { type EncodedFields, encodeFields } from "@tandem/libs/http";
import { formatNanos, priorityName } from "@tandem/libs/kernel";
import type { Citation } from "./articles/articles.ts";
import type { Call } from "./call.ts";
import { handOverField } from "./hand-over/hand-over.ts";
import type { HandOverClaims } from "./hand-over/hand-over-seal.ts";
import type { AiParts } from "./parts.ts";

type Field = readonly [name: string, value: string];

/** What goes with every answer of this plane: who answered, how, and what it cost. */
export function answerFields(call: Call, { world, seal }: AiParts): EncodedFields {
  const { requestId, attempts, passage, dialect } = call;
  // Each family of clients reads the request's id under another name .
  const fields: Field[] = [
    ["x-request-id", requestId],
    ["request-id", requestId],
    ["x-ds-trace-id", requestId],
  ];
  if (attempts.length > 0) fields.push(["x-tandem-attempts", String(attempts.length)]);
  if (call.price !== undefined && call.fault === undefined && !call.answer.hasBegun) {
    const isCounted = !call.validRequest?.isStream || call.cached !== undefined;
    if (isCounted) fields.push(["x-tandem-cost", `${costOf(call)} ${call.price.currency}`]);
  }
  if (passage !== undefined && passage.subject.pools.length > 0) {
    const { clock } = world;
    const now = { nowMs: clock.monotonicMs(), wallMs: clock.nowMs() };
    fields.push(...dialect.limitFields(passage.subject, now));
  }
  if (call.fault !== undefined) {
    fields.push(...dialect.refusedLimitFields(call.fault, world.clock.nowMs()));
  }
  if (call.knownIdentity !== undefined) {
    fields.push(...dialect.callerFields(call.knownIdentity.claims.organisationId));
  }
  if (call.isShed && call.fault !== undefined) {
    fields.push(["x-tandem-shed", priorityName(call.priority)]);
  }
  const claims = handOverClaims(call, world.clock.nowMs());
  if (claims !== undefined) fields.push([handOverField, seal.seal(claims)]);
  const ignored = ignoredBy(call);
  if (ignored.length > 0) fields.push(["x-tandem-ignored", ignored.join(", ")]);
  if (call.articles !== undefined) {
    fields.push(["x-tandem-articles", citedArticles(call.articles.citations).join(", ")]);
  }
  const warning = call.reservation?.warning ?? "";
  if (warning !== "") fields.push(["x-tandem-budget", warning]);
  if (call.marks.length > 0) fields.push(["x-tandem-degraded", call.marks.join(", ")]);
  return { lines: routeFields(call).lines + encodeFields(fields).lines };
}

/** `art_…@3`, each once. */
export function citedArticles(citations: readonly Citation[]): readonly string[] {
  return [...new Set(citations.map((one) => `${one.articleId}@${one.articleVersion}`))];
}

/** What another replica has to know to go on with this stream; undefined for what nobody does. */
function handOverClaims(call: Call, atMs: number): HandOverClaims | undefined {
  const { handOver, target, requestId } = call;
  if (call.validRequest?.isStream !== true || call.dialect.readSent === undefined) return undefined;
  return {
    requestId,
    keyId: call.knownIdentity?.claims.keyId ?? handOver?.keyId ?? "",
    model: call.knownModel?.id ?? handOver?.model ?? "",
    upstream: target?.upstream.settings.name ?? handOver?.upstream ?? "",
    upstreamModel: target?.model ?? handOver?.upstreamModel ?? "",
    atMs,
  };
}

/** What had no effect, by the dialect's and by the upstream's doing. */
function ignoredBy({ ignored, target, validRequest }: Call): readonly string[] {
  const speech = target?.upstream.profile.speech;
  if (speech === undefined || validRequest === undefined) return ignored;
  const unheard = speech.unheard(validRequest).map((name) => name.replaceAll(/[^\w.-]/g, "?"));
  return [...ignored, ...unheard.slice(0, 32)];
}

const routes = new Map<string, EncodedFields>();
const routesMax = 1_024;

/** Model, upstream and cache: few combinations, so each is written once. */
function routeFields({ knownModel, target, cacheMark }: Call): EncodedFields {
  const upstream = target?.upstream.settings.name ?? "";
  const name = `${cacheMark} ${upstream} ${knownModel?.id ?? ""}`;
  const known = routes.get(name);
  if (known !== undefined) return known;
  const fields: Field[] = [["x-tandem-cache", cacheMark]];
  if (knownModel !== undefined) fields.push(["x-tandem-model", safe(knownModel.id)]);
  if (upstream !== "") fields.push(["x-tandem-upstream", safe(upstream)]);
  const encoded = encodeFields(fields);
  if (routes.size < routesMax) routes.set(name, encoded);
  return encoded;
}

/** What the answer cost, as decimal text. */
export function costOf(call: Call): string {
  call.costText ??= formatNanos(call.chargedNanos);
  return call.costText;
}

/** Names come from people: what a header cannot hold is percent-encoded. */
function safe(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : encodeURIComponent(name);
}
