import {
  carried,
  type FieldTable,
  ignored,
  refused,
  translated,
} from "../../dialects/field-table.ts";

const noWord = "Anthropic has no such dial";

/** A canonical chat request at an upstream of the profile `anthropic`. */
export const anthropicUpstreamFields: FieldTable = {
  chat: {
    model: carried,
    messages: translated("messages", "and `system`"),
    max_tokens: carried,
    max_completion_tokens: translated("max_tokens"),
    stop: translated("stop_sequences"),
    stream: carried,
    temperature: translated("temperature", "1 at most; not while it thinks"),
    top_p: translated("top_p", "not beside a temperature; from 0.95 while it thinks"),
    top_k: carried,
    tools: translated("tools"),
    tool_choice: translated("tool_choice", "a forced tool is a free one while it thinks"),
    parallel_tool_calls: translated("tool_choice.disable_parallel_tool_use"),
    thinking: translated("thinking", "not where a turn under way lacks its signed thinking"),
    reasoning_effort: translated("output_config.effort"),
    response_format: translated("output_config.format", "schemas; JSON without one is refused"),
    user: translated("metadata.user_id"),
    user_id: translated("metadata.user_id"),
    x_tandem: translated("what Anthropic's own clients said"),
    stream_options: translated("usage comes always"),
    n: refused("one answer a request"),
    logprobs: refused("there are none"),
    top_logprobs: refused("there are none"),
    audio: refused("text only"),
    modalities: refused("text only"),
    frequency_penalty: ignored(noWord),
    presence_penalty: ignored(noWord),
    seed: ignored(noWord),
    logit_bias: ignored(noWord),
  },
};
