/**
 * Where pip's settings are and what they say of the index (pip documentation, "Configuration").
 * Pure: the caller reads the files.
 */
export interface PipConfPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
}

/** Files that may hold pip's settings, the ones that win first. */
export function pipConfPaths({ environment, homeDirectory }: PipConfPlaces): readonly string[] {
  const own = environment["PIP_CONFIG_FILE"];
  const virtual = environment["VIRTUAL_ENV"];
  const configHome = environment["XDG_CONFIG_HOME"] ?? `${homeDirectory}/.config`;
  const systemHomes = (environment["XDG_CONFIG_DIRS"] ?? "/etc/xdg").split(":").filter(Boolean);
  return [
    ...(own === undefined || own === "" ? [] : [own]),
    ...(virtual === undefined ? [] : [`${virtual}/pip.conf`]),
    `${configHome}/pip/pip.conf`,
    `${homeDirectory}/.pip/pip.conf`,
    "/etc/pip.conf",
    ...systemHomes.map((home) => `${home}/pip/pip.conf`),
  ];
}

/** The index URL that a `pip.conf` names for downloads; undefined when it names none. */
export function indexUrlOfPipConf(text: string): string | undefined {
  const found = new Map<string, string>();
  let section = "";
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const heading = /^\[([^\]]+)\]$/.exec(line)?.[1];
    if (heading !== undefined) {
      section = heading.trim().toLowerCase();
      continue;
    }
    const value = /^index[-_]url\s*[=:]\s*(\S+)$/i.exec(line)?.[1];
    if (value !== undefined) found.set(section, value);
  }
  return found.get("download") ?? found.get("global");
}
