import { carried, type FieldRule, type FieldTable, translated } from "../field-table.ts";

const asIs = (note: string): FieldRule => ({ ...carried, note });

/**
 * OpenAI API and DeepSeek API: the canonical form itself. Members that are not named here are
 * carried as well, since SDKs send what their users give them. `upstream/profiles/` says what a
 * server is given in other words; such rows are `translated`.
 */
export const openaiFields: FieldTable = {
  chat: {
    model: translated("model", "the model's name at the upstream"),
    messages: asIs("`developer` is `system` where it is not known"),
    max_tokens: translated(
      "max_tokens",
      "never more than is paid for; under the server's own name",
    ),
    max_completion_tokens: translated("max_tokens", "the same"),
    stop: carried,
    stream: carried,
    stream_options: translated("stream_options", "usage is asked for always"),
    temperature: carried,
    top_p: carried,
    frequency_penalty: carried,
    presence_penalty: carried,
    n: asIs("1 to 16"),
    user: carried,
    user_id: asIs("not to OpenAI, which does not know it"),
    thinking: translated("thinking", "in each server's own words"),
    reasoning_effort: carried,
    response_format: asIs("if the model can"),
    tools: asIs("if the model can"),
    tool_choice: carried,
    parallel_tool_calls: carried,
    logprobs: asIs("if the model can"),
    top_logprobs: carried,
    conversation_id: translated("messages", "the platform's own; its history stands before"),
    x_tandem: translated("x_tandem", "what other dialects say beyond this form"),
  },
  completions: {
    model: translated("model", "the model's name at the upstream"),
    prompt: carried,
    suffix: carried,
    echo: carried,
    logprobs: carried,
    max_tokens: translated("max_tokens", "never more than is paid for"),
    stop: carried,
    stream: carried,
    stream_options: translated("stream_options", "usage is asked for always"),
    temperature: carried,
    top_p: carried,
    frequency_penalty: carried,
    presence_penalty: carried,
    n: carried,
    user: carried,
  },
  embeddings: {
    model: translated("model", "the model's name at the upstream"),
    input: asIs("a text, texts, token numbers or lists of them"),
    encoding_format: asIs("brought into the form that was asked for, whatever the server sends"),
    dimensions: asIs("a server that has no such vectors refuses, and its words are passed on"),
    user: carried,
  },
};
