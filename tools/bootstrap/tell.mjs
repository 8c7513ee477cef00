/** Messages before the supervisor speaks: for people on a terminal, else one JSON line an event. */
const isTerminal = process.stderr.isTTY === true;

export function tell(event, text) {
  const line = { time: new Date().toISOString(), level: "info", event };
  process.stderr.write(isTerminal ? `  ${text}\n` : `${JSON.stringify(line)}\n`);
}

/** One clear message, then the end. @returns {never} */
export function fail({ code, what, remedy, detail }) {
  const line = {
    time: new Date().toISOString(),
    level: "error",
    event: "failed",
    code,
    what,
    remedy,
  };
  process.stderr.write(
    isTerminal
      ? `\n  ✗ ${what}\n    ${remedy}\n    ${code}\n\n${detail}\n`
      : `${JSON.stringify({ ...line, detail })}\n`,
  );
  process.exit(6);
}
