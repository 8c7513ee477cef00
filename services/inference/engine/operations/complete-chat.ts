import { chatForm } from "./answer-form.ts";
import { generateAnswer } from "./generate-answer.ts";
import type { Operation } from "./operation-tools.ts";
import { chatQuestion, refuseUnsupportedChat } from "./questions.ts";
import { parseChatBody } from "./request-body.ts";

/** `POST /v1/chat/completions` */
export const completeChat: Operation = async (exchange, tools) => {
  const body = parseChatBody(await exchange.readBody(tools.config.bodyLimitBytes));
  refuseUnsupportedChat(body);
  await generateAnswer(exchange, tools, {
    body,
    form: chatForm,
    question: async (questionTools) => ({
      request: await chatQuestion(body, questionTools),
      echo: "",
    }),
  });
};
