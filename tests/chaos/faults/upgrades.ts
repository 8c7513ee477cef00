/** F43: a release that changes a schema, and the way back while the schema stays changed. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atMost, type LiveFault } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { countRows } from "../standing-checks.ts";

const root = join(import.meta.dirname, "../../..");
const sources = ["contracts", "libs", "router", "supervisor", "gateways", "services", "clients"];
const files = ["package.json", "tsconfig.json"];
const migration = "9999-of-the-next-release";

/** The whole product once more, as a release would be, with one step more in auth's schema. */
function nextRelease(): string {
  const to = mkdtempSync(join(tmpdir(), "tandem-release-"));
  for (const name of [...sources, "topology", "tools", ...files]) {
    const filter = (path: string): boolean => !path.includes("node_modules");
    cpSync(join(root, name), join(to, name), { recursive: true, filter });
  }
  linkPackages(to);
  const schema = join(to, "services/auth/store/schema.ts");
  const text = readFileSync(schema, "utf8");
  const end = text.lastIndexOf("};");
  const step = `  "${migration}": {
    async up(database) {
      await sql\`alter table keys add of_next_release text not null default 'x'\`.execute(database);
    },
    async down(database) {
      await sql\`alter table keys drop of_next_release\`.execute(database);
    },
  },
`;
  writeFileSync(schema, text.slice(0, end) + step + text.slice(end));
  return to;
}

/** Packages of others are shared; our own have to be those of the release. */
function linkPackages(to: string): void {
  const [packages, ours] = [join(root, "node_modules"), "@tandem"];
  mkdirSync(join(to, "node_modules"));
  for (const name of readdirSync(packages)) {
    if (name === ours) {
      const links = { recursive: true, verbatimSymlinks: true };
      cpSync(join(packages, name), join(to, "node_modules", name), links);
    } else symlinkSync(join(packages, name), join(to, "node_modules", name));
  }
  const own = "services/chat/node_modules";
  symlinkSync(join(root, own), join(to, own));
}

function hasStep(house: FaultHouse): Promise<number> {
  const text = `select count(*) n from kysely_migration where name = '${migration}'`;
  return countRows(house, "tandem_auth", text);
}

async function takesKeys({ tandem }: FaultHouse): Promise<boolean> {
  const response = await fetch(`${tandem.adminUrl}/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${tandem.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name: `written at ${performance.now()}`, owner: "nobody" }),
  });
  return response.status === 201;
}

export const schemaChanged: LiveFault = {
  id: "F43",
  what: "an upgrade with a change of schema, and back to the release before on the new schema",
  seconds: { usual: 1, long: 1 },
  async strike({ house, tell }) {
    const release = nextRelease();
    const wrongs: string[] = [];
    const times: number[] = [];
    try {
      for (const to of [release, root]) {
        const startMs = performance.now();
        await house.tandem.control(`upgrade?steps=none&to=${encodeURIComponent(to)}`);
        times.push(performance.now() - startMs);
        tell(
          `  to ${to === root ? "the old" : "the new"} one: ${Math.round(times.at(-1) ?? 0)} ms`,
        );
        if ((await hasStep(house)) !== 1) wrongs.push("the schema was not changed");
        if (!(await takesKeys(house))) wrongs.push("no key can be made");
      }
    } finally {
      rmSync(release, { recursive: true, force: true });
    }
    const upgradeMsMax = Math.max(...times);
    return {
      figures: { upgradeMsMax },
      wrongs: [...wrongs, ...atMost("an upgrade", upgradeMsMax, 20_000)],
    };
  },
};
