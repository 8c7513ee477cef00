/** OpenAI's Responses, event by event. */
import { weatherTool } from "../weather-tool.ts";
import { type HttpDialect, type HttpError, streamRefusal } from "./http.ts";
import type { Ask, Joiner, Usage } from "./transport.ts";

interface Part {
  readonly text?: string;
}

interface Item {
  readonly type: string;
  readonly content?: readonly Part[];
  readonly name?: string;
  readonly arguments?: string;
}

interface UsageJson {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly x_tandem?: { readonly cost?: string };
}

interface ResponseJson {
  readonly status: string;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly output: readonly Item[];
  readonly usage: UsageJson;
}

interface StreamEvent {
  readonly type: string;
  readonly delta?: string;
  readonly output_index?: number;
  readonly item?: Item;
  readonly response?: ResponseJson;
  readonly code?: string;
  readonly message?: string;
}

const { name, description, parameters } = weatherTool.function;
const tool = { type: "function", name, description, parameters };

export const responses: HttpDialect = {
  name: "Responses",
  path: "/v1/responses",
  streams: true,
  body: ({ content, maxTokens, ...ask }: Ask, model, isStream) => ({
    ...{ model, input: content, max_output_tokens: maxTokens },
    ...(ask.isOutOfRange ? { temperature: 3 } : {}),
    ...(ask.usesTool ? { tools: [tool], tool_choice: { type: "function", name } } : {}),
    ...(ask.isJson ? { text: { format: { type: "json_object" } } } : {}),
    ...(isStream ? { stream: true } : {}),
  }),
  join(joiner, { data }) {
    const event = JSON.parse(data) as StreamEvent;
    const { delta = "", output_index: index = 0 } = event;
    switch (event.type) {
      case "response.output_text.delta":
        joiner.text += delta;
        return false;
      case "response.reasoning_text.delta":
        joiner.reasoning += delta;
        return false;
      case "response.function_call_arguments.delta":
        joiner.addCall(index, { name: "", arguments: delta });
        return false;
      case "response.output_item.added":
        if (event.item?.type === "function_call") {
          joiner.addCall(index, { name: event.item.name ?? "", arguments: "" });
        }
        return false;
      case "response.completed":
      case "response.incomplete":
        if (event.response !== undefined) end(joiner, event.response);
        return true;
      case "error":
        throw streamRefusal(event as HttpError, joiner.text);
      default:
        return false;
    }
  },
  joinWhole(joiner, body) {
    const response = body as ResponseJson;
    for (const [index, item] of response.output.entries()) {
      const text = (item.content ?? []).map((part) => part.text ?? "").join("");
      if (item.type === "message") joiner.text += text;
      else if (item.type === "reasoning") joiner.reasoning += text;
      else joiner.addCall(index, { name: item.name ?? "", arguments: item.arguments ?? "" });
    }
    end(joiner, response);
  },
  errorOf: (body) => (body as { readonly error: HttpError }).error,
};

function end(joiner: Joiner, { status, incomplete_details, usage }: ResponseJson): void {
  const whole = joiner.hasCalls ? "tool_calls" : "stop";
  const isShort = incomplete_details?.reason === "max_output_tokens";
  joiner.finishReasons.push(status === "completed" ? whole : isShort ? "length" : status);
  joiner.told = incomplete_details === null ? status : `${status}: ${incomplete_details.reason}`;
  joiner.usage = usageOf(usage);
}

function usageOf(usage: UsageJson): Usage {
  return {
    prompt: usage.input_tokens,
    completion: usage.output_tokens,
    reasoning: usage.output_tokens_details.reasoning_tokens,
    cost: usage.x_tandem?.cost ?? "",
  };
}
