import { jsonKind, nowhere } from "../../core/json-document.ts";
import { anthropicUpstreamFields } from "../anthropic/fields.ts";
import { readMessage } from "../anthropic/read-message.ts";
import { AnthropicStream } from "../anthropic/read-stream.ts";
import { unsayable, writeMessagesRequest } from "../anthropic/write-request.ts";
import { type ForeignSpeech, genericProfile, type UpstreamProfile } from "./profile.ts";

/** The version of the API that this translation was written for. */
const anthropicVersion = "2023-06-01";

const speech: ForeignSpeech = {
  unsayable: (request) => {
    if (request.endpoint !== "chat") return "other requests than chats";
    const { document } = request;
    return unsayable(document.parse(document.root) as Readonly<Record<string, unknown>>);
  },
  unheard: ({ document }) => {
    const rules = anthropicUpstreamFields["chat"] ?? {};
    const names: string[] = [];
    let member = document.firstChild(document.root);
    while (member !== nowhere) {
      const name = document.key(member);
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
      const isHeard = rule !== undefined && rule.fate !== "ignored";
      if (!isHeard && document.kind(member) !== jsonKind.null) names.push(name);
      member = document.nextChild(document.root, member);
    }
    return names;
  },
  writeBody: (canonical) => {
    const request = JSON.parse(canonical.toString()) as Readonly<Record<string, unknown>>;
    return Buffer.from(JSON.stringify(writeMessagesRequest(request)));
  },
  openStream: (nowMs) => new AnthropicStream(nowMs),
  readWhole: readMessage,
};

/** api.anthropic.com, and what speaks its Messages API. */
export const anthropicProfile: UpstreamProfile = {
  ...genericProfile,
  pathOf: (basePath) => `${basePath.endsWith("/v1") ? basePath : `${basePath}/v1`}/messages`,
  countsStreams: false,
  knowsDeveloper: true,
  takesExtension: true,
  credentialFields: (key) => [
    ["x-api-key", key],
    ["anthropic-version", anthropicVersion],
  ],
  speech,
};
