import type { Topology } from "@tandem/libs/service";
import type { World } from "@tandem/libs/world";
import type { Config } from "./config.ts";
import type { ConfigSections } from "./config-file.ts";
import type { DataDirectory } from "./folder/data-directory.ts";
import type { Announcer } from "./output/announcer.ts";

/** What a run is made of: everything that was asked for, checked, and the outside world. */
export interface RunOptions {
  readonly config: Config;
  readonly topology: Topology;
  readonly sections: ConfigSections;
  /** `--set` by deployable, then by name. */
  readonly flags: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly directory: DataDirectory;
  /** Where the deployables' code is. */
  readonly sourceFolder: string;
  readonly world: World;
  readonly announcer: Announcer;
}
