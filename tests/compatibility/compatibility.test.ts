import { after, before } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai-4";
import OpenAI6 from "openai-6";
import { aiSdkSuite } from "./ai-sdk.suite.ts";
import { langchainSuite } from "./langchain.suite.ts";
import { type OpenAIVersion, openaiSuite } from "./openai.suite.ts";
import { openaiBackgroundSuite } from "./openai-background.suite.ts";
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
const former: OpenAIVersion = {
  name: "openai 6",
  // The types of the versions differ in parts that the suites do not touch.
  Client: OpenAI6 as unknown as OpenAIVersion["Client"],
  finalContent: (options, request) =>
    new OpenAI6(options).chat.completions.stream(request).finalContent(),
};
const old: OpenAIVersion = {
  name: "openai 4",
  Client: OpenAI4 as unknown as OpenAIVersion["Client"],
  finalContent: (options, request) =>
    new OpenAI4(options).beta.chat.completions.stream(request).finalContent(),
};
for (const version of [newest, former, old]) {
  openaiSuite(version, opened);
  openaiErrorsSuite(version, opened);
}
openaiBackgroundSuite(opened);
aiSdkSuite(opened);
langchainSuite(opened);
