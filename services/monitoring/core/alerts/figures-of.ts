import type { AlertView, Condition, ToldFigure } from "./alert-view.ts";

export function figuresOf({ figures }: AlertView, name: string): readonly ToldFigure[] {
  return figures.filter((figure) => figure.name === name);
}

/** One condition for each subject; `reason` is told all that belongs to it. */
export function grouped<Item>(
  items: readonly Item[],
  subjectOf: (item: Item) => string,
  reasonOf: (items: readonly Item[]) => string,
): readonly Condition[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const subject = subjectOf(item);
    groups.set(subject, [...(groups.get(subject) ?? []), item]);
  }
  return [...groups].map(([subject, group]) => ({ subject, reason: reasonOf(group) }));
}

/** Figures over a limit, by what they are about; several processes may see the same. */
export function raised(
  view: AlertView,
  name: string,
  rule: {
    readonly subject: (figure: ToldFigure) => string;
    readonly isRaised: (figure: ToldFigure) => boolean;
    readonly reason: (figure: ToldFigure) => string;
  },
): readonly Condition[] {
  const over = figuresOf(view, name).filter(rule.isRaised);
  return grouped(over, rule.subject, (figures) =>
    [...new Set(figures.map(rule.reason))].sort().join("; "),
  );
}
