import { defineFaults } from "../kernel/index.ts";

export const rpcFaults = defineFaults("rpc", {
  unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "A part of the platform is not reachable right now. Try again in a moment.",
  },
  deadline_exceeded: {
    code: "deadline_exceeded",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "The platform did not answer in time. Try again in a moment.",
  },
  bad_answer: {
    code: "internal",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "A part of the platform gave an answer that makes no sense.",
  },
  unknown_operation: {
    code: "unimplemented",
    blame: "routing",
    retry: "never",
    publicMessage: "There is no such operation.",
  },
  malformed_message: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The message is not of the operation's form.",
  },
  passport_refused: {
    code: "unauthenticated",
    blame: "platform",
    retry: "never",
    publicMessage:
      "The internal identity of this call is missing, expired or not for this service.",
  },
});
