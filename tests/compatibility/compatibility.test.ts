import { after, before } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai-4";
import { aiSdkSuite } from "./ai-sdk.suite.ts";
import { langchainSuite } from "./langchain.suite.ts";
import { type OpenAIVersion, openaiSuite } from "./openai.suite.ts";
import { openaiErrorsSuite } from "./openai-errors.suite.ts";
import { openTarget, type Target } from "./target.ts";

let target: Target | undefined;

function opened(): Target {
  if (!target) throw new Error("the target is opened before the first test");
  return target;
}

before(async () => {
  target = await openTarget();
});
after(() => target?.close());

const newest: OpenAIVersion = {
  name: "openai 7",
  Client: OpenAI,
  finalContent: (options, request) =>
    new OpenAI(options).chat.completions.stream(request).finalContent(),
};
const old: OpenAIVersion = {
  name: "openai 4",
  // The types of the two versions differ in parts that the suites do not touch.
  Client: OpenAI4 as unknown as OpenAIVersion["Client"],
  finalContent: (options, request) =>
    new OpenAI4(options).beta.chat.completions.stream(request).finalContent(),
};
for (const version of [newest, old]) {
  openaiSuite(version, opened);
  openaiErrorsSuite(version, opened);
}
aiSdkSuite(opened);
langchainSuite(opened);
