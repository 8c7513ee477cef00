import { carried, type FieldTable, ignored, refused, translated } from "../field-table.ts";

const cacheHint = translated(
  "x_tandem.cache_control",
  "to upstreams of the profile `anthropic`, with places of ours; others cache by themselves",
);

/** Anthropic API, Create a Message: every member of a request, and what becomes of it. */
export const anthropicFields: FieldTable = {
  request: {
    model: translated("model", "a suffix such as `[1m]` is left out"),
    max_tokens: carried,
    messages: translated("messages"),
    system: translated("messages[].role", "the first message, of the role `system`"),
    stop_sequences: translated("stop"),
    stream: carried,
    temperature: carried,
    top_p: carried,
    top_k: carried,
    tools: translated("tools"),
    tool_choice: translated("tool_choice", "with `parallel_tool_calls`"),
    thinking: carried,
    output_config: translated("reasoning_effort", "and `response_format`"),
    output_format: translated("response_format"),
    metadata: translated("user_id", "or `user`, where it has other characters than ids have"),
    cache_control: cacheHint,
    service_tier: ignored("there are no tiers"),
    inference_geo: ignored("an upstream is where it is"),
    speed: ignored("an upstream is as fast as it is"),
    betas: ignored("nothing here depends on it"),
    context_management: ignored("the context is sent as it came"),
    container: refused("there is no code execution here"),
    mcp_servers: refused("there is no MCP connector here"),
  },
  metadata: { user_id: translated("user_id") },
  output_config: {
    effort: translated("reasoning_effort"),
    format: translated("response_format"),
    task_budget: ignored("`max_tokens` bounds an answer"),
  },
  output_format: {
    type: translated("response_format.type"),
    schema: translated("response_format.json_schema"),
    name: ignored("Anthropic's schemas have no name"),
  },
  thinking: {
    type: carried,
    budget_tokens: carried,
    display: ignored("thinking is shown as the model gives it"),
  },
  tool_choice: {
    type: translated("tool_choice", "`any` is `required`, `tool` names a function"),
    name: translated("tool_choice.function.name"),
    disable_parallel_tool_use: translated("parallel_tool_calls"),
  },
  tool: {
    type: translated("tools[].type", "`custom` only; tools that run at Anthropic are refused"),
    name: translated("tools[].function.name"),
    description: translated("tools[].function.description"),
    input_schema: translated("tools[].function.parameters"),
    strict: translated("tools[].function.strict"),
    cache_control: cacheHint,
    input_examples: ignored("say it in the description"),
    defer_loading: ignored("every tool is loaded"),
    allowed_callers: ignored("only the model calls"),
    eager_input_streaming: ignored("arguments are streamed as they come"),
  },
  message: { role: carried, content: translated("messages[].content") },
  text: {
    type: carried,
    text: carried,
    cache_control: cacheHint,
    citations: ignored("sources are not told apart"),
  },
  image: {
    type: translated("content[].type"),
    source: translated("content[].image_url", "base64 and url; files are refused"),
    cache_control: cacheHint,
  },
  image_source: {
    type: translated("content[].image_url.url"),
    media_type: translated("content[].image_url.url"),
    data: translated("content[].image_url.url"),
    url: translated("content[].image_url.url"),
    file_id: refused("there are no files here; send the image itself"),
  },
  document: {
    type: translated("content[].type"),
    source: translated("content[].file", "base64 as a file, text as text"),
    title: translated("content[].file.filename"),
    context: ignored("say it in a text"),
    citations: ignored("sources are not told apart"),
    cache_control: cacheHint,
  },
  document_source: {
    type: translated("content[].file"),
    media_type: translated("content[].file.file_data"),
    data: translated("content[].file.file_data"),
    url: refused("nothing is fetched from here; send the document itself"),
    file_id: refused("there are no files here; send the document itself"),
    content: refused("send the document as text"),
  },
  thinking_block: {
    type: translated("messages[].reasoning_content"),
    thinking: translated("messages[].reasoning_content"),
    signature: translated("x_tandem.thinking", "to upstreams of the profile `anthropic`"),
  },
  redacted_thinking: {
    type: translated("x_tandem.thinking"),
    data: translated("x_tandem.thinking", "to upstreams of the profile `anthropic`"),
  },
  tool_use: {
    type: translated("messages[].tool_calls[].type"),
    id: translated("messages[].tool_calls[].id"),
    name: translated("messages[].tool_calls[].function.name"),
    input: translated("messages[].tool_calls[].function.arguments"),
    caller: ignored("only the model calls"),
    cache_control: cacheHint,
  },
  tool_result: {
    type: translated("messages[].role", "a message of the role `tool`"),
    tool_use_id: translated("messages[].tool_call_id"),
    content: translated("messages[].content"),
    is_error: translated("x_tandem.tool_errors", "to upstreams of the profile `anthropic`"),
    cache_control: cacheHint,
  },
};

/** Blocks that are refused, each with its reason. */
export const refusedBlocks: Readonly<Record<string, string>> = {
  search_result: "send what was found as text",
  server_tool_use: "tools that run at Anthropic are not there",
  web_search_tool_result: "tools that run at Anthropic are not there",
  web_fetch_tool_result: "tools that run at Anthropic are not there",
  code_execution_tool_result: "tools that run at Anthropic are not there",
  mcp_tool_use: "there is no MCP connector here",
  mcp_tool_result: "there is no MCP connector here",
  container_upload: "there is no code execution here",
};
