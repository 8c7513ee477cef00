import { carried, type FieldTable, ignored, refused, translated } from "../dialects/field-table.ts";

const whole = "what is given is complete";
const textOnly = "there is text only";

/** What a session and a single response have in common. */
const wishes = {
  instructions: translated("messages[].role", "the first message, of the role `system`"),
  tools: translated("tools", "functions"),
  tool_choice: translated("tool_choice"),
  max_output_tokens: translated("max_tokens", "`inf` is as many as the model may"),
  audio: refused(textOnly),
  prompt: refused("there are no prompt templates here; send the instructions themselves"),
  parallel_tool_calls: ignored("a model calls as it likes"),
  reasoning: ignored("a model thinks as it likes"),
  temperature: ignored("there are no sampling parameters in these events"),
} as const;

/** What becomes of the members of a client's events at `/v1/realtime`. */
export const realtimeFields: FieldTable = {
  session: {
    ...wishes,
    model: ignored("it is said in the URL"),
    include: ignored("nothing more is known than what is told"),
    tracing: ignored("requests are found by their ids"),
    truncation: ignored("a conversation that is too long is refused"),
  },
  response: {
    ...wishes,
    conversation: translated("the session's items", "`none` leaves no trace in them"),
    input: translated("messages", "in the place of the session's items"),
    metadata: translated("the response's `metadata`"),
  },
  message: {
    type: translated("messages[].role"),
    role: carried,
    content: translated("messages[].content"),
    id: translated("the item's `id`"),
    object: ignored("an item is an item"),
    status: ignored(whole),
  },
  text_part: {
    type: translated("content[].type"),
    text: translated("content[].text"),
  },
  function_call: {
    type: translated("messages[].tool_calls[].type"),
    call_id: translated("messages[].tool_calls[].id"),
    name: translated("messages[].tool_calls[].function.name"),
    arguments: translated("messages[].tool_calls[].function.arguments"),
    id: translated("the item's `id`"),
    object: ignored("an item is an item"),
    status: ignored(whole),
  },
  function_call_output: {
    type: translated("messages[].role", "a message of the role `tool`"),
    call_id: translated("messages[].tool_call_id"),
    output: translated("messages[].content"),
    id: translated("the item's `id`"),
    object: ignored("an item is an item"),
    status: ignored(whole),
  },
  tool: {
    type: translated("tools[].type"),
    name: translated("tools[].function.name"),
    description: translated("tools[].function.description"),
    parameters: translated("tools[].function.parameters"),
    strict: translated("tools[].function.strict"),
  },
  tool_choice: {
    type: translated("tool_choice", "a function that is named"),
    name: translated("tool_choice.function.name"),
  },
};
