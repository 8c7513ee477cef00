import { existsSync } from "node:fs";
import { join } from "node:path";
import { describeSettings, type SettingDescription } from "@tandem/libs/config";
import type { z } from "zod";
import { deployableFolders, deployableName } from "./deployables.ts";

/** Every setting of everything that runs, from the schemas that check them. */
export async function configReference(root: string): Promise<string> {
  const sections: string[] = [];
  for (const folder of await deployableFolders(root)) {
    const file = join(root, folder, "config.ts");
    if (!existsSync(file)) continue;
    const { configSchema } = (await import(file)) as { readonly configSchema?: z.ZodObject };
    if (configSchema === undefined) continue;
    const name = deployableName(folder);
    const rows = describeSettings(name, configSchema).map(settingRow);
    if (rows.length === 0) continue;
    const header = "| setting | default | bounds | what it decides |\n|---|---|---|---|";
    sections.push(`## ${name}\n\n${header}\n${rows.join("\n")}\n`);
  }
  return [
    "# Settings",
    "",
    "Generated from every `config.ts` by `npm run gen`. Settings come from defaults, then the",
    "configuration file `tandem.yaml` (a section for each part), then the environment",
    "(`TANDEM_<PART>__<SETTING>`, nested names joined by `__`, any of them also as `…_FILE`), then",
    "flags. All violations are told at once, before anything starts.",
    "",
    ...sections,
  ].join("\n");
}

function settingRow(setting: SettingDescription): string {
  const bounds = [setting.min, setting.max].filter((bound) => bound !== undefined).join(" … ");
  const cells = [
    `\`${setting.name}\``,
    setting.default === undefined ? "" : `\`${setting.default}\``,
    bounds,
    `${setting.doc}${setting.isSecret ? " Secret: never shown." : ""}`.replaceAll("|", "\\|"),
  ];
  return `| ${cells.join(" | ")} |`;
}
