/** Which client got what, as a page of the reference. */
import type { Client } from "./clients/client.ts";

export const outcomes = [
  ...["stream", "whole", "tools", "JSON", "usage", "error", "rate limit", "no balance"],
  ...["abort", "broken upstream"],
] as const;

export class ClientsTable {
  readonly #got = new Map<string, Set<string>>();

  note(client: Client, ...got: readonly string[]): void {
    const row = this.#got.get(client.name) ?? new Set<string>();
    this.#got.set(client.name, row);
    for (const outcome of got) row.add(outcome);
  }

  page(clients: readonly Client[]): string {
    const lines = clients.map((client) => {
      const cells = outcomes.map((outcome) => this.#cell(client, outcome));
      return `| ${client.name} | ${cells.join(" | ")} |`;
    });
    const head = `| | ${outcomes.join(" | ")} |\n|---|${"---|".repeat(outcomes.length)}`;
    return `${intro}\n${head}\n${lines.join("\n")}\n\n${notes}`;
  }

  #cell(client: Client, outcome: string): string {
    if (outcome === "abort" && client.readsOn === true) return "– (1)";
    if (this.#got.get(client.name)?.has(outcome) !== true) return "**failed**";
    return outcome === "usage" && client.lacksUsage === true ? "whole (2)" : "yes";
  }
}

const intro = `# What every client library gets

Made by a run of \`tests/compatibility/clients.test.ts\`: each library as published, asking the
running product. It fails where the table would be another one; \`CLIENTS=write\` writes it anew.
A stream must equal the whole answer, in words and tokens; too fast is waited for and answered; a
spent budget is told as that; leaving cancels the upstream; a stream that broke never just ends.
`;

const notes = `- (1) it reads a stream to its end, whatever its user does
- (2) its streams tell no usage; its whole answers do
`;
