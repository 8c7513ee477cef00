/** What became of every case on every transport, as a page of the reference. */
import type { Case, Mode } from "./case.ts";
import type { Section } from "./cases.ts";
import type { Column } from "./transports.ts";

export type Plan = { readonly kind: "run" } | { readonly kind: "none"; readonly why: string };

const run: Plan = { kind: "run" };

/** Whether a case runs on a transport, and why it does not. */
export function planOf(one: Case, column: Column, mode: Mode): Plan {
  if (!column.modes.includes(mode)) return none("it has no such answers");
  if (one.of === "words" && column.gives === "vectors") return none("there are no words in it");
  const why = column.without[one.key];
  return why === undefined ? run : none(why);
}

function none(why: string): Plan {
  return { kind: "none", why };
}

const failed = "**failed**";

export class Matrix {
  readonly #sections: readonly Section[];
  readonly #columns: readonly Column[];
  readonly #cells = new Map<string, string>();
  readonly #reasons: string[] = [];

  constructor(sections: readonly Section[], columns: readonly Column[]) {
    this.#sections = sections;
    this.#columns = columns;
  }

  note(one: Case, column: Column, given: { readonly mode: Mode; readonly told: string }): void {
    this.#cells.set(cellKey(one, column, given.mode), given.told);
  }

  /** The page, made of this run. */
  page(): string {
    this.#reasons.length = 0;
    const whole = this.#table("whole");
    const streams = this.#table("stream");
    const reasons = this.#reasons.map((reason, index) => `- ${mark(index)} ${reason}`);
    const parts = [intro, "## Whole answers\n", ...whole, "## Streams\n", ...streams];
    return `${[...parts, "## Cells without a case\n", ...reasons].join("\n")}\n`;
  }

  #table(mode: Mode): readonly string[] {
    const columns = this.#columns.filter(({ modes }) => modes.includes(mode));
    const lines = [
      `| | ${columns.map(({ name }) => name).join(" | ")} |`,
      `|---|${"---|".repeat(columns.length)}`,
    ];
    for (const { title, cases } of this.#sections) {
      lines.push(`| **${title}** |${" |".repeat(columns.length)}`);
      for (const one of cases) {
        if (!one.modes.includes(mode)) continue;
        const cells = columns.map((column) => this.#cell(one, column, mode));
        lines.push(`| ${one.title} | ${cells.join(" | ")} |`);
      }
    }
    return [...lines, ""];
  }

  #cell(one: Case, column: Column, mode: Mode): string {
    const plan = planOf(one, column, mode);
    if (plan.kind === "run") return this.#cells.get(cellKey(one, column, mode)) ?? failed;
    const at = this.#reasons.indexOf(plan.why);
    return `– ${mark(at === -1 ? this.#reasons.push(plan.why) - 1 : at)}`;
  }
}

function mark(index: number): string {
  return `(${index + 1})`;
}

function cellKey({ key }: Case, { name }: Column, mode: Mode): string {
  return `${key} ${name} ${mode}`;
}

const intro = `# What every client is told

Made by a run of \`tests/compatibility/conformance.test.ts\`, which asks the running product in
every dialect and on every transport and asserts each row's title; a cell is what the client was
told, in the words of its protocol. The same run fails where it is told something else than this
page says; with \`CONFORMANCE=write\` it writes the page anew (tests/compatibility/README.md).

An answer's cell is how it says that it ended; a refusal's is its status and code, or in a stream
that had begun \`event\` and the code of its error event, after which the connection is cut.
gRPC, gRPC-web and Connect tell an error by their status, before the first message and after it.
`;
