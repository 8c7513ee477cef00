import { anthropicProfile } from "./profiles/anthropic.ts";
import { deepseekProfile } from "./profiles/deepseek.ts";
import { engineProfile } from "./profiles/engine.ts";
import { llamacppProfile } from "./profiles/llamacpp.ts";
import { lmstudioProfile } from "./profiles/lmstudio.ts";
import { modelstudioProfile } from "./profiles/modelstudio.ts";
import { ollamaProfile } from "./profiles/ollama.ts";
import { openaiProfile } from "./profiles/openai.ts";
import { genericProfile, type UpstreamProfile } from "./profiles/profile.ts";
import { sglangProfile } from "./profiles/sglang.ts";
import { vllmProfile } from "./profiles/vllm.ts";

/** By the names that the inference service gives. */
const profiles: ReadonlyMap<string, UpstreamProfile> = new Map([
  ["anthropic", anthropicProfile],
  ["deepseek", deepseekProfile],
  ["engine", engineProfile],
  ["generic", genericProfile],
  ["llamacpp", llamacppProfile],
  ["lmstudio", lmstudioProfile],
  ["modelstudio", modelstudioProfile],
  ["ollama", ollamaProfile],
  ["openai", openaiProfile],
  ["sglang", sglangProfile],
  ["vllm", vllmProfile],
]);

export function profileNamed(name: string): UpstreamProfile {
  return profiles.get(name) ?? genericProfile;
}
