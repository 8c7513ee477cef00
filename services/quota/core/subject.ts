/**
 * Whom a rule (a limit or a budget) is for, and which requests it therefore covers. In a rule an
 * empty field means "any"; in a caller it means "none".
 */
export interface Subject {
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly model: string;
}

/** Who has set a rule; nobody changes what another has set. */
export type Setter = "organisation" | "platform";

/** The fields besides the organisation, from wide to narrow, as contracts and answers name them. */
export const subjectFields = ["project", "user", "key", "model"] as const;
export type SubjectField = (typeof subjectFields)[number];

type FieldName = Exclude<keyof Subject, "organisationId">;

const nameByField: Readonly<Record<SubjectField, FieldName>> = {
  project: "projectId",
  user: "userId",
  key: "keyId",
  model: "model",
};

export function isSubjectField(text: string): text is SubjectField {
  return (subjectFields as readonly string[]).includes(text);
}

/** True when a request of this caller counts against the rule. */
export function appliesTo(rule: Subject, caller: Subject): boolean {
  if (rule.organisationId !== caller.organisationId) return false;
  return subjectFields.every((field) => {
    const wanted = rule[nameByField[field]];
    return wanted === "" || wanted === caller[nameByField[field]];
  });
}

/** The fields by which any of these rules tells requests of their organisation apart. */
export function scopedBy(rules: readonly Subject[]): readonly SubjectField[] {
  return subjectFields.filter((field) => rules.some((rule) => rule[nameByField[field]] !== ""));
}

/** What a lease covers: requests that agree with its opener in these fields, whatever the others. */
export interface Scope {
  readonly fields: readonly SubjectField[];
  /** Empty in the fields that are not told apart. */
  readonly subject: Subject;
}

export function scopeOf(caller: Subject, fields: readonly SubjectField[]): Scope {
  const subject = { ...caller };
  for (const field of subjectFields) {
    if (!fields.includes(field)) subject[nameByField[field]] = "";
  }
  return { fields, subject };
}

/** True when some request that the scope covers may count against the rule. */
export function mayApplyWithin(rule: Subject, scope: Scope): boolean {
  if (rule.organisationId !== scope.subject.organisationId) return false;
  return subjectFields.every((field) => {
    const wanted = rule[nameByField[field]];
    if (wanted === "" || !scope.fields.includes(field)) return true;
    return wanted === scope.subject[nameByField[field]];
  });
}

/** The narrowest field a rule names, for telling people which limit was hit. */
export function narrowestField(rule: Subject): SubjectField | "organisation" {
  const order: readonly SubjectField[] = ["key", "user", "project", "model"];
  return order.find((field) => rule[nameByField[field]] !== "") ?? "organisation";
}
