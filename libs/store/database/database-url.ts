import { assert } from "../../kernel/index.ts";

/**
 * `postgres://user:password@host:5432/name?…`; the host may be absent (`@/name?host=/directory`,
 * a Unix socket), which the standard's own URL parser does not accept with a user before it.
 */
const form =
  /^(?<scheme>postgres(?:ql)?):\/\/(?:[^@/?#]*@)?(?<host>[^/?#]*)(?:\/[^?#]*)?(?<query>\?[^#]*)?$/;

/**
 * The same server and settings with another account and database. Throws an `AssertionFault`,
 * without the text, for what is no PostgreSQL URL.
 */
export function databaseUrlFor(
  url: string,
  target: { readonly user: string; readonly password: string; readonly database: string },
): string {
  const parts = form.exec(url)?.groups;
  assert(parts !== undefined, "a database URL begins with postgres://");
  const { scheme = "", host = "", query = "" } = parts;
  const parameters = new URLSearchParams(query);
  for (const name of ["user", "password", "database", "dbname"]) parameters.delete(name);
  const rest = parameters.size === 0 ? "" : `?${parameters}`;
  const account = `${encodeURIComponent(target.user)}:${encodeURIComponent(target.password)}`;
  return `${scheme}://${account}@${host}/${encodeURIComponent(target.database)}${rest}`;
}
