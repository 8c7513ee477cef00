import { after, before } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai-4";
import { aiSdkSuite } from "./ai-sdk.suite.ts";
import { langchainSuite } from "./langchain.suite.ts";
import { type OpenAIClass, openaiSuite } from "./openai.suite.ts";
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

// The types of the two versions differ in parts that the suites do not touch.
const versions = { "openai 7": OpenAI, "openai 4": OpenAI4 as unknown as OpenAIClass };
for (const [name, Client] of Object.entries(versions)) {
  openaiSuite(name, Client, opened);
  openaiErrorsSuite(name, Client, opened);
}
aiSdkSuite(opened);
langchainSuite(opened);
