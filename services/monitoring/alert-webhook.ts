import { lookup } from "node:dns";
import type { RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import { isIP } from "node:net";
import { isForbiddenAddress, nodeHttp } from "@tandem/libs/http";
import type { Lifecycle, Site } from "@tandem/libs/service";
import { sleep } from "@tandem/libs/world";
import type { Config } from "./config.ts";
import type { Incident } from "./core/alerts/alert-book.ts";
import { monitoringFaults } from "./faults.ts";

/** Hands opened and closed incidents to somebody's own system. */
export interface Webhook {
  /** Never waits and never fails. At least once: a receiver knows a repetition by the id. */
  tell(incident: Incident): void;
}

const waitingMax = 200;
const attemptsMax = 6;
const firstPauseMs = 1_000;
const timeoutMs = 5_000;

/** Undefined where none is configured. */
export function createWebhook(
  { world, log }: Site,
  lifecycle: Lifecycle,
  config: Config["alertWebhook"],
): Webhook | undefined {
  if (config.url === undefined) return undefined;
  const target = config.url.reveal();
  // Not in the message: there may be a token in it.
  if (!/^https?:\/\//.test(target) || !URL.canParse(target))
    throw monitoringFaults.webhook_invalid();
  const url = new URL(target);
  const allowPrivate = config.privateAddresses === "allow";
  const waiting: Incident[] = [];
  let isClosed = false;
  let isBusy = false;
  const deliver = async (incident: Incident): Promise<void> => {
    for (let attempt = 1; !isClosed; attempt += 1) {
      try {
        await post(url, bodyOf(incident), allowPrivate);
        return;
      } catch (error) {
        // Not with the URL: there may be a token in it.
        log.warn("alert_not_delivered", { incident: incident.id, attempt, detail: String(error) });
        if (attempt >= attemptsMax) return;
        await sleep(world, firstPauseMs * 2 ** (attempt - 1));
      }
    }
  };
  const work = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await deliver(next);
    }
    isBusy = false;
  };
  lifecycle.defer("alert webhook", () => {
    isClosed = true;
  });
  return {
    tell: (incident) => {
      // The newest matter more than those that nobody took for minutes.
      if (waiting.length >= waitingMax) waiting.shift();
      waiting.push(incident);
      void work();
    },
  };
}

function bodyOf({ openedAtMs, closedAtMs, ...incident }: Incident): string {
  return JSON.stringify({
    id: incident.id,
    state: closedAtMs === undefined ? "open" : "closed",
    alert: incident.alert,
    subject: incident.subject,
    severity: incident.severity,
    reason: incident.reason,
    opened_at: new Date(openedAtMs).toISOString(),
    closed_at: closedAtMs === undefined ? null : new Date(closedAtMs).toISOString(),
    close_reason: incident.closeReason,
    runbook: `docs/runbooks/${incident.alert}.md`,
  });
}

/** Follows no redirect, and checks the very address that it connects to. */
function post(url: URL, body: string, allowPrivate: boolean): Promise<void> {
  const refusal = new Error("the webhook's address is private; see monitoring.alert_webhook");
  const options: RequestOptions = {
    method: "POST",
    timeout: timeoutMs,
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    lookup: (hostname, given, callback) =>
      lookup(hostname, { ...given, all: true }, (error, addresses) => {
        if (error) return callback(error, []);
        const isFine = !addresses.some(({ address }) =>
          isForbiddenAddress(address, { allowPrivate }),
        );
        if (!isFine) return callback(refusal, []);
        if (given.all === true) return callback(null, addresses);
        const [first] = addresses;
        callback(null, first?.address ?? "", first?.family);
      }),
  };
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // An address is not looked up, so it is judged here.
  if (isIP(host) !== 0 && isForbiddenAddress(host, { allowPrivate }))
    return Promise.reject(refusal);
  const send = url.protocol === "https:" ? tlsRequest : nodeHttp.request;
  return new Promise((resolve, reject) => {
    const call = send(url, options, (answer) => {
      answer.resume();
      const { statusCode = 0 } = answer;
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(new Error(`status ${statusCode}`));
    });
    call.on("timeout", () => call.destroy(new Error("no answer in time")));
    call.on("error", reject);
    call.end(body);
  });
}
