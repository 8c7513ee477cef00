import type { BodyPatch } from "../core/body-patch.ts";
import { nowhere } from "../core/json-document.ts";
import type { GenerationRequest } from "../core/request/generation-request.ts";
import { lastMessage } from "../core/splice/splice-facts.ts";
import type { UpstreamProfile } from "./profiles/profile.ts";

/** An answer that is there in part. */
export interface OpenAnswer {
  /** With the client's own beginning before it: a prefix of a chat, the prompt of a completion. */
  readonly text: string;
  readonly reasoning: string;
  /** False where nothing of this choice is sent, and the request is asked as it is. */
  readonly isBegun: boolean;
}

/** Asks for the rest of one choice, in the form that this server goes on with. */
export function continueBody(
  patch: BodyPatch,
  request: GenerationRequest,
  given: {
    readonly open: OpenAnswer;
    readonly profile: UpstreamProfile;
    readonly messagesJson: string | undefined;
  },
): void {
  const { open, messagesJson } = given;
  if (request.choices > 1) patch.set("n", "1");
  if (request.endpoint === "completions") {
    patch.set("prompt", JSON.stringify(open.text));
    patch.remove("echo");
    return;
  }
  if (!open.isBegun) {
    if (messagesJson !== undefined) patch.set("messages", messagesJson);
    return;
  }
  const message = messageOf(open, given.profile);
  if (messagesJson !== undefined) {
    patch.set("messages", `${messagesJson.slice(0, -1)},${message}]`);
    return;
  }
  const { document } = request;
  if (request.features.includes("prefix")) patch.replace(lastMessage(document), message);
  else {
    const messages = document.member(document.root, "messages");
    if (messages !== nowhere) patch.append(messages, message);
  }
}

function messageOf({ text, reasoning }: OpenAnswer, { continuation }: UpstreamProfile): string {
  return JSON.stringify({
    role: "assistant",
    content: text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(continuation.chat === "prefix" ? { prefix: true } : {}),
  });
}
