import type { Database } from "@tandem/libs/store";
import { sql } from "@tandem/libs/store";

/** A database's schema as far as the statements of a program can notice it. */
export interface SchemaShape {
  /** `table.column` → type, and whether an insert that does not name it is refused. */
  readonly columns: ReadonlyMap<string, { readonly type: string; readonly isDemanded: boolean }>;
  readonly tables: ReadonlySet<string>;
  /** Uniqueness and other rules, by table: definitions without their names. */
  readonly rules: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Everything in the schema `public` but the list of migrations itself. */
export async function shapeOf(database: Database<unknown>): Promise<SchemaShape> {
  const { rows: columns } = await sql<{
    name: string;
    table: string;
    type: string;
    demanded: boolean;
  }>`
    select c.relname as "table", c.relname || '.' || a.attname as name,
      format_type(a.atttypid, a.atttypmod) as type,
      a.attnotnull and not a.atthasdef and a.attidentity = '' as demanded
    from pg_attribute a join pg_class c on c.oid = a.attrelid
      join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
      and a.attnum > 0 and not a.attisdropped and c.relname not like 'kysely%'`.execute(database);
  const { rows: rules } = await sql<{ table: string; rule: string }>`
    select c.relname as "table",
      regexp_replace(pg_get_indexdef(i.indexrelid), 'INDEX \\S+ ON', 'INDEX ON') as rule
    from pg_index i join pg_class c on c.oid = i.indrelid
      join pg_namespace n on n.oid = c.relnamespace
    where i.indisunique and n.nspname = 'public' and not c.relispartition
      and c.relname not like 'kysely%'
    union all
    select c.relname, pg_get_constraintdef(k.oid)
    from pg_constraint k join pg_class c on c.oid = k.conrelid
      join pg_namespace n on n.oid = c.relnamespace
    where k.contype in ('c', 'f') and n.nspname = 'public' and not c.relispartition`.execute(
    database,
  );
  const byTable = Map.groupBy(rules, ({ table }) => table);
  return {
    columns: new Map(
      columns.map(({ name, type, demanded }) => [name, { type, isDemanded: demanded }]),
    ),
    tables: new Set(columns.map(({ table }) => table)),
    rules: new Map(
      [...byTable].map(([table, all]) => [table, new Set(all.map(({ rule }) => rule))]),
    ),
  };
}

/** What a step takes away from programs that were written for the schema before it. */
export function contractions(before: SchemaShape, after: SchemaShape): readonly string[] {
  const found: string[] = [];
  for (const [name, { type, isDemanded }] of before.columns) {
    const now = after.columns.get(name);
    if (now === undefined) found.push(`${name} is gone`);
    else if (now.type !== type) found.push(`${name} became ${now.type}`);
    else if (now.isDemanded && !isDemanded) found.push(`${name} is demanded now`);
  }
  for (const [name, { isDemanded }] of after.columns) {
    const [table = ""] = name.split(".");
    const isNew = before.tables.has(table) && !before.columns.has(name);
    if (isNew && isDemanded) found.push(`${name} is new and demanded`);
  }
  for (const table of before.tables) {
    const was = before.rules.get(table) ?? new Set<string>();
    const is = after.rules.get(table) ?? new Set<string>();
    for (const rule of is) if (!was.has(rule)) found.push(`${table} refuses more: ${rule}`);
    for (const rule of was) if (!is.has(rule)) found.push(`${table} lost ${rule}`);
  }
  return found;
}

/** One row in each table that takes one made up by types alone; which tables did. */
export async function fill(database: Database<unknown>, tag: number): Promise<readonly string[]> {
  const { columns } = await shapeOf(database);
  const byTable = Map.groupBy(columns, ([name]) => name.split(".")[0] ?? "");
  const filled: string[] = [];
  for (const [table, all] of byTable) {
    const demanded = all.filter(([, { isDemanded }]) => isDemanded);
    const names = demanded.map(([name]) => `"${name.split(".")[1]}"`).join(", ");
    const values = demanded.map(([, { type }]) => madeUp(type, tag)).join(", ");
    const statement = demanded.length === 0 ? `default values` : `(${names}) values (${values})`;
    const isFilled = await sql
      .raw(`insert into "${table}" ${statement}`)
      .execute(database)
      .then(
        () => true,
        () => false,
      );
    if (isFilled) filled.push(table);
  }
  return filled;
}

function madeUp(type: string, tag: number): string {
  if (/^(text|character varying)/.test(type)) return `'made_${tag}'`;
  if (/^(bigint|integer|smallint|numeric|double|real)/.test(type)) return String(tag);
  if (type.startsWith("timestamp")) return "now()";
  if (type === "date") return "current_date";
  if (type === "boolean") return "false";
  if (type === "bytea") return "'\\x01'";
  if (/^jsonb?$/.test(type)) return "'{}'";
  if (type.endsWith("[]")) return "'{}'";
  if (type === "uuid") return "gen_random_uuid()";
  return "null";
}

export async function countOf(database: Database<unknown>, table: string): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from ${sql.table(table)}`.execute(database);
  return Number(rows[0]?.count ?? 0n);
}
