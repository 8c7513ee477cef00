import { defineFaults, type Fault } from "@tandem/libs/kernel";

/** Every reason the supervisor can refuse to start or to go on with. */
export const supervisorFaults = defineFaults("supervisor", {
  wrong_usage: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The command line is wrong. See npm start -- --help.",
  },
  port_taken: {
    code: "already_exists",
    blame: "config",
    retry: "never",
    publicMessage: "The port is in use. Choose another one with --port or --grpc-port.",
  },
  door_refused: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The public address cannot be opened. Choose another one with --host or --port.",
  },
  already_running: {
    code: "already_exists",
    blame: "client",
    retry: "never",
    publicMessage: "Another Tandem runs on this data directory. Choose another one with --data.",
  },
  folder_unwritable: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The data directory cannot be written. Choose another one with --data.",
  },
  disk_full: {
    code: "resource_exhausted",
    blame: "capacity",
    retry: "never",
    publicMessage: "There is no space left for the data directory. Free some, or choose --data.",
  },
  secrets_damaged: {
    code: "data_loss",
    blame: "platform",
    retry: "never",
    publicMessage: "The secrets of this data directory cannot be read. Restore them from a backup.",
  },
  config_unreadable: {
    code: "invalid_argument",
    blame: "config",
    retry: "never",
    publicMessage: "The configuration file cannot be read.",
  },
  database_unreachable: {
    code: "unavailable",
    blame: "config",
    retry: "never",
    publicMessage: "The database cannot be reached. Check DATABASE_URL.",
  },
  process_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "never",
    publicMessage: "A process did not start.",
  },
  process_refused: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "A process refuses its configuration.",
  },
  process_unknown: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no process of this name. GET /status lists them.",
  },
  monitoring_silent: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "No replica of monitoring answers. See tandem status and tandem logs.",
  },
  busy: {
    code: "aborted",
    blame: "client",
    retry: "after_delay",
    publicMessage: "Another upgrade, scaling or drain is under way. Wait for its end.",
  },
  release_unusable: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "There is no release of Tandem in this folder.",
  },
  upgrade_rolled_back: {
    code: "failed_precondition",
    blame: "platform",
    retry: "never",
    publicMessage: "The upgrade was rolled back.",
  },
  rotation_taken_back: {
    code: "failed_precondition",
    blame: "platform",
    retry: "never",
    publicMessage: "Not every process took the new signing keys. Nothing was changed.",
  },
  last_of_its_kind: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "It is the last one of its kind that serves. Start or add another one first.",
  },
  not_scalable: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "This process cannot be scaled while the system runs. Change the topology file.",
  },
  setup_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "never",
    publicMessage: "The first organisation and key could not be made.",
  },
});

/** Code to look up and exit code of the process (stable; supervisor/README.md lists them). */
interface Ending {
  readonly label: string;
  readonly exitCode: number;
}

const endings: Readonly<Record<string, Ending>> = {
  "supervisor.wrong_usage": { label: "tandem-E1001", exitCode: 2 },
  "supervisor.port_taken": { label: "tandem-E1002", exitCode: 7 },
  "supervisor.already_running": { label: "tandem-E1003", exitCode: 7 },
  "supervisor.folder_unwritable": { label: "tandem-E1004", exitCode: 7 },
  "supervisor.disk_full": { label: "tandem-E1005", exitCode: 7 },
  "supervisor.config_unreadable": { label: "tandem-E1006", exitCode: 3 },
  "supervisor.process_refused": { label: "tandem-E1006", exitCode: 3 },
  "config.invalid": { label: "tandem-E1006", exitCode: 3 },
  "config.unresolved": { label: "tandem-E1006", exitCode: 3 },
  "topology.invalid": { label: "tandem-E1007", exitCode: 3 },
  "supervisor.process_failed": { label: "tandem-E1008", exitCode: 1 },
  "supervisor.door_refused": { label: "tandem-E1009", exitCode: 7 },
  "supervisor.secrets_damaged": { label: "tandem-E1010", exitCode: 7 },
  "supervisor.setup_failed": { label: "tandem-E1011", exitCode: 1 },
};

/** How a start that failed ends: faults of the stores are theirs, so they share one ending. */
export function endingOf(fault: Fault): Ending {
  const known = endings[fault.reason];
  if (known !== undefined) return known;
  if (fault.code === "unavailable" || fault.code === "deadline_exceeded") {
    return { label: "tandem-E2001", exitCode: 6 };
  }
  return { label: "tandem-E1000", exitCode: fault.blame === "config" ? 3 : 1 };
}

/** The fault of a file operation in the data directory, by what the system said. */
export function folderFault(path: string, error: unknown): Fault {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return supervisorFaults.disk_full({
      publicMessage:
        `There is no space left on the disk of ${path} (${code}). ` +
        "Free some, or put the data elsewhere: npm start -- --data DIR",
      cause: error,
    });
  }
  return supervisorFaults.folder_unwritable({
    publicMessage:
      `${path} cannot be written (${code ?? String(error)}). ` +
      "Make it writable for this user, or put the data elsewhere: npm start -- --data DIR",
    cause: error,
  });
}
