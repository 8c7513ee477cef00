/**
 * Rules about what users got, by how fast it uses up what may go wrong (SRE workbook, chapter 5,
 * "multiwindow, multi-burn-rate alerts"): a long window says that it matters, a short one that it
 * still lasts, so that the alert closes soon after the cause is gone.
 */
import type { AlertRule } from "./alert-rule.ts";
import type { BurnFacts } from "./alert-view.ts";

const second = 1_000;
/** Of all requests, this share may fail. */
const errorBudget = 0.001;
const fastBurn = 14.4;
const slowBurn = 6;
/** Fewer failures prove nothing, however few requests there were. */
const failuresMin = 10;
const lateShareMax = 0.05;
const lateMin = 5;

export const errorBurn: AlertRule = {
  id: "error-budget-burn",
  severity: "critical",
  summary: "More requests fail than may.",
  openAfterMs: 0,
  closeAfterMs: 30 * second,
  find: ({ errorsFast, errorsSlow }) => {
    const fast = errorsFast.filter((facts) => isOver(facts, fastBurn * errorBudget, failuresMin));
    const slow = errorsSlow.filter((facts) => isOver(facts, slowBurn * errorBudget, failuresMin));
    const worst = new Map([...slow, ...fast].map((facts) => [facts.subject, facts]));
    return [...worst.values()].map(({ subject, short }) => ({
      subject,
      reason: `${short.bad} of ${short.total} requests failed lately`,
    }));
  },
};

export const lateAnswers: AlertRule = {
  id: "answers-slow",
  severity: "warning",
  summary: "Streamed answers begin late.",
  openAfterMs: 15 * second,
  closeAfterMs: 60 * second,
  find: ({ lateFast }) =>
    lateFast
      .filter((facts) => isOver(facts, lateShareMax, lateMin))
      .map(({ subject, short }) => ({
        subject,
        reason: `${short.bad} of ${short.total} streamed answers began late`,
      })),
};

function isOver({ short, long }: BurnFacts, shareMax: number, badMin: number): boolean {
  const shareOf = ({ total, bad }: BurnFacts["short"]): number => (total === 0 ? 0 : bad / total);
  return short.bad >= badMin && shareOf(short) > shareMax && shareOf(long) > shareMax;
}
