/** Documented in README.md and stable: scripts depend on them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  wrongUsage: 2,
  invalidConfiguration: 3,
  notAllowed: 4,
  notFound: 5,
  unreachable: 6,
  conflict: 7,
  checksFailed: 8,
  timedOut: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Why a command ends without what was asked for: what happened, and what to do. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly remedy: string | undefined;
  readonly requestId: string | undefined;

  constructor(
    exitCode: ExitCode,
    message: string,
    more: { readonly remedy?: string; readonly requestId?: string } = {},
  ) {
    super(message);
    this.exitCode = exitCode;
    this.remedy = more.remedy;
    this.requestId = more.requestId;
  }
}

/** By the status of an answer: whose move it is. */
export function exitCodeOf(status: number): ExitCode {
  if (status === 400 || status === 422) return exitCodes.wrongUsage;
  if (status === 401 || status === 403) return exitCodes.notAllowed;
  if (status === 404) return exitCodes.notFound;
  if (status === 409 || status === 412 || status === 428) return exitCodes.conflict;
  if (status === 502 || status === 503) return exitCodes.unreachable;
  if (status === 504) return exitCodes.timedOut;
  return exitCodes.failed;
}
