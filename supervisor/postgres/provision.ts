import { readFile } from "node:fs/promises";
import { Fault } from "@tandem/libs/kernel";
import { type Database, databaseUrlFor, openDatabase, sql } from "@tandem/libs/store";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { writeSecretFile } from "./cluster.ts";
import { postgresFaults } from "./faults.ts";

const prefix = "tandem_";
/** Everybody who provisions on this server takes turns on this lock. */
const lockId = 7_402_684_193_553_012n;

export interface ProvisionOptions {
  /** Keeps the roles' passwords; made with mode 0600 when absent. */
  readonly passwordsFile: string;
  /**
   * What to do with a role that is there but not in our file. `reset` gives it a new password, as
   * is right for a server of our own; `refuse` is for a server that other machines use as well.
   */
  readonly unknownRoles: "reset" | "refuse";
  /** How long to wait for a server that is not there yet, in milliseconds; 15 s by default. */
  readonly patienceMs?: number;
  readonly world: World;
  readonly log: Log;
}

/**
 * Sees to it that every name has a database of its own and a login role that owns it and cannot
 * reach the others: `tandem_<name>` both. Idempotent, and safe to run on several machines at once.
 * Returns each name's URL. Throws `postgres.provisioning_refused`, `postgres.role_unknown`, or the
 * store's faults; nothing is half done that the next run would not complete.
 */
export async function provisionDatabases(
  adminUrl: string,
  names: readonly string[],
  options: ProvisionOptions,
): Promise<ReadonlyMap<string, string>> {
  const { world, log } = options;
  const database = openDatabase<unknown>(adminUrl, {
    world,
    log,
    poolSize: 1,
    statementTimeoutMs: 30_000,
    patienceMs: options.patienceMs ?? 15_000,
  });
  try {
    const passwords = await database.connection().execute(async (connection) => {
      await sql`select pg_advisory_lock(${lockId})`.execute(connection);
      try {
        const passwords = await ensureRoles(connection, names, options);
        await ensureDatabases(connection, names, log);
        return passwords;
      } finally {
        await sql`select pg_advisory_unlock(${lockId})`.execute(connection);
      }
    });
    return new Map(
      names.map((name) => {
        const user = `${prefix}${name}`;
        const password = passwords[name] ?? "";
        return [name, databaseUrlFor(adminUrl, { user, password, database: user })];
      }),
    );
  } catch (error) {
    throw explain(error);
  } finally {
    await database.destroy();
  }
}

type Connection = Parameters<
  Parameters<ReturnType<Database<unknown>["connection"]>["execute"]>[0]
>[0];

/** By name. */
type Passwords = Readonly<Record<string, string>>;

/**
 * Makes the roles that are missing. A new role's password is stored before the role has it, and
 * that of a role that was there afterwards: a kill in between is mended by the next run.
 */
async function ensureRoles(
  connection: Connection,
  names: readonly string[],
  options: ProvisionOptions,
): Promise<Passwords> {
  const { rows } = await sql<{ role: string }>`
    select rolname as role from pg_roles where starts_with(rolname, ${prefix})`.execute(connection);
  const present = new Set(rows.map(({ role }) => role));
  const absent = names.filter((name) => !present.has(`${prefix}${name}`));
  const known = await readPasswords(options.passwordsFile);
  const unknown = names.filter((name) => known[name] === undefined && !absent.includes(name));
  if (unknown.length > 0 && options.unknownRoles === "refuse") {
    throw postgresFaults.role_unknown({ context: { roles: unknown.join(", ") } });
  }
  const generate = () => Buffer.from(options.world.randomness.bytes(24)).toString("base64url");
  const withNew = { ...known };
  for (const name of absent) withNew[name] ??= generate();
  await storePasswords(options.passwordsFile, known, withNew);
  const withAll = { ...withNew };
  for (const name of unknown) withAll[name] = generate();
  for (const name of [...absent, ...unknown]) {
    const role = `${prefix}${name}`;
    // Such statements take no parameters; the password is of our own alphabet.
    const account = sql`${sql.id(role)} login password ${sql.lit(withAll[name] ?? "")}`;
    const verb = sql.raw(absent.includes(name) ? "create" : "alter");
    await sql`${verb} role ${account}`.execute(connection);
    options.log.info("role_provisioned", { role });
  }
  await storePasswords(options.passwordsFile, withNew, withAll);
  return withAll;
}

async function ensureDatabases(
  connection: Connection,
  names: readonly string[],
  log: Log,
): Promise<void> {
  const { rows } = await sql<{ name: string; closed: boolean }>`
    select datname as name, datacl is not null as closed
    from pg_database where starts_with(datname, ${prefix})`.execute(connection);
  const isClosed = new Map(rows.map(({ name, closed }) => [name, closed]));
  for (const name of names.map((short) => `${prefix}${short}`)) {
    const id = sql.id(name);
    if (!isClosed.has(name)) {
      // Who is no superuser must be a member of the role to make it an owner.
      await sql`grant ${id} to current_user`.execute(connection);
      await sql`create database ${id} owner ${id} template template0 encoding 'UTF8'`.execute(
        connection,
      );
      log.info("database_provisioned", { database: name });
    }
    if (isClosed.get(name) !== true) {
      await sql`revoke all on database ${id} from public`.execute(connection);
    }
  }
}

async function readPasswords(file: string): Promise<Passwords> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message would quote a password.
    throw postgresFaults.passwords_unreadable({ detail: `${file} is not JSON` });
  }
}

async function storePasswords(file: string, before: Passwords, after: Passwords): Promise<void> {
  if (Object.keys(before).length === Object.keys(after).length) return;
  await writeSecretFile(file, `${JSON.stringify(after, null, 2)}\n`);
}

function explain(error: unknown): unknown {
  if (!Fault.is(error) || error.context["sqlState"] !== "42501") return error;
  return postgresFaults.provisioning_refused({
    ...(error.detail !== undefined && { detail: error.detail }),
    cause: error,
  });
}
