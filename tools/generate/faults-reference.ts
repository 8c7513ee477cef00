import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type FaultDefinition, faultCodeToHttpStatus } from "@tandem/libs/kernel";
import { deployableFolders } from "./deployables.ts";

type Catalogue = Readonly<Record<string, FaultDefinition>>;

/** Every reason that anything can fail with, from the catalogues that throw them. */
export async function faultsReference(root: string): Promise<string> {
  const sections: string[] = [];
  for (const file of await faultFiles(root)) {
    const catalogue = await catalogueOf(join(root, file));
    const rows = Object.entries(catalogue).map(faultRow);
    if (rows.length === 0) continue;
    const header = "| reason | status | blame | retry | what users read |\n|---|---|---|---|---|";
    sections.push(`## ${file.replace(/\/?faults\.ts$/, "")}\n\n${header}\n${rows.join("\n")}\n`);
  }
  return [
    "# Faults",
    "",
    "Generated from every `faults.ts` by `npm run gen`. A fault has a stable reason, an HTTP status,",
    "somebody to blame (whose turn it is to act), advice on retrying, and a message for users. Logs",
    "hold a detail besides. `client` means the caller can mend it; `config` and `capacity` the",
    "operator; `upstream` the model server or provider; `platform` is a case for an alert.",
    "",
    ...sections,
  ].join("\n");
}

async function faultFiles(root: string): Promise<readonly string[]> {
  const libs = (await readdir(join(root, "libs"))).sort().map((lib) => `libs/${lib}`);
  return [...(await deployableFolders(root)), ...libs]
    .map((folder) => `${folder}/faults.ts`)
    .filter((file) => existsSync(join(root, file)));
}

async function catalogueOf(file: string): Promise<Catalogue> {
  const exported = (await import(file)) as Readonly<Record<string, unknown>>;
  const catalogues = Object.values(exported).map(
    (value) => (value as { readonly catalogue?: Catalogue } | undefined)?.catalogue ?? {},
  );
  return Object.assign({}, ...catalogues) as Catalogue;
}

function faultRow([reason, fault]: [string, FaultDefinition]): string {
  const status = fault.httpStatus ?? faultCodeToHttpStatus(fault.code);
  const cells = [
    `\`${reason}\``,
    String(status),
    fault.blame,
    fault.retry.replaceAll("_", " "),
    fault.publicMessage.replaceAll("|", "\\|").replaceAll("\n", " "),
  ];
  return `| ${cells.join(" | ")} |`;
}
