/** Which projects' chats get articles without asking. Pure. */
export interface ArticleRule {
  readonly organisationId: string;
  readonly projectId: string;
  /** Passages, at most. */
  readonly limit: number;
  /** Models it holds for; a trailing * is a prefix. Empty for all. */
  readonly models: readonly string[];
}

export class ArticleRules {
  readonly #byProject: ReadonlyMap<string, ArticleRule>;

  constructor(rules: readonly ArticleRule[]) {
    this.#byProject = new Map(
      rules.map((rule) => [`${rule.organisationId} ${rule.projectId}`, rule]),
    );
  }

  get isEmpty(): boolean {
    return this.#byProject.size === 0;
  }

  /** The rule for a chat of this project with this model; undefined where there is none. */
  find(
    project: { readonly organisationId: string; readonly projectId: string },
    model: string,
  ): ArticleRule | undefined {
    const rule = this.#byProject.get(`${project.organisationId} ${project.projectId}`);
    if (rule === undefined) return undefined;
    const isFor = (pattern: string): boolean =>
      pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model;
    return rule.models.length === 0 || rule.models.some(isFor) ? rule : undefined;
  }
}
