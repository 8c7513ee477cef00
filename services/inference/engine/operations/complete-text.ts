import { textForm } from "./answer-form.ts";
import { generateAnswer } from "./generate-answer.ts";
import type { Operation } from "./operation-tools.ts";
import { refuseUnsupported, textQuestion } from "./questions.ts";
import { parseTextBody } from "./request-body.ts";

/** `POST /v1/completions`, with `suffix` for models that fill gaps. */
export const completeText: Operation = async (exchange, tools) => {
  const body = parseTextBody(await exchange.readBody(tools.config.bodyLimitBytes));
  refuseUnsupported(body);
  await generateAnswer(exchange, tools, {
    body,
    form: textForm,
    question: (questionTools) => {
      const { request, text } = textQuestion(body, questionTools);
      return Promise.resolve({ request, echo: body.echo === true ? text : "" });
    },
  });
};
