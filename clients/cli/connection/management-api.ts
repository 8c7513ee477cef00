import { CommandError, exitCodeOf, exitCodes } from "../exit-codes.ts";
import type { Settings } from "./settings.ts";

/** The management API, as far as the command line speaks it. */
export interface ManagementApi {
  /** `path` below `/api/v1`. Throws a `CommandError` for everything but 2xx. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Reads what is good to have: undefined when it does not come within three seconds. */
  peek(path: string): Promise<unknown>;
}

interface Problem {
  readonly detail?: string;
  readonly request_id?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

const timeoutMs = 30_000;
const peekTimeoutMs = 3_000;

export function openManagementApi(settings: Settings, newKey: () => string): ManagementApi {
  return {
    async peek(path) {
      const { adminUrl, adminKey } = settings;
      if (adminUrl === undefined || adminKey === undefined) return undefined;
      try {
        const headers = { authorization: `Bearer ${adminKey}`, accept: "application/json" };
        const signal = AbortSignal.timeout(peekTimeoutMs);
        const response = await fetch(adminUrl + path, { headers, signal });
        return response.ok ? await response.json() : undefined;
      } catch {
        return undefined;
      }
    },
    async call(method, path, body) {
      const { adminUrl, adminKey } = settings;
      if (adminUrl === undefined || adminKey === undefined) throw notSignedIn(settings);
      const response = await fetch(adminUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${adminKey}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(method === "POST" ? { "idempotency-key": newKey() } : {}),
          // A command says what is to be, whatever version there is.
          ...(method === "PUT" || method === "DELETE" ? { "if-match": "*" } : {}),
        },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch((error: unknown) => {
        throw unreachable(adminUrl, error);
      });
      const text = await response.text();
      if (response.ok) return text === "" ? {} : JSON.parse(text);
      throw refusalOf(response.status, text);
    },
  };
}

function notSignedIn({ dataDirectory }: Settings): CommandError {
  return new CommandError(exitCodes.notAllowed, "There is no address and key of a Tandem here.", {
    remedy:
      `Start one (npm start), name its data directory (--data; looked into ${dataDirectory}), ` +
      "or set TANDEM_ADMIN_URL and TANDEM_ADMIN_KEY.",
  });
}

export function unreachable(url: string, error: unknown): CommandError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const isLate = error instanceof Error && error.name === "TimeoutError";
  const code = isLate ? exitCodes.timedOut : exitCodes.unreachable;
  return new CommandError(code, `${url} cannot be reached: ${messageOf(cause)}`, {
    remedy: "Is it running? See: tandem doctor",
  });
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}

function refusalOf(status: number, text: string): CommandError {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not ours; the status has to say it.
  }
  const fields = (problem.errors ?? []).map(({ field, message }) => `\n  ${field}: ${message}`);
  const message = `${problem.detail ?? `The answer was ${status}.`}${fields.join("")}`;
  const { request_id: requestId } = problem;
  return new CommandError(exitCodeOf(status), message, requestId ? { requestId } : {});
}
