import {
  type AnswerRequest,
  type AnswerResponse,
  ArticlesService,
  type RetrieveRequest,
  type RetrieveResponse,
  type Rule,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { Implementation, MessageInit } from "@tandem/libs/rpc";
import { createVersionFeed } from "@tandem/libs/service";
import { realWorld } from "@tandem/libs/world";
import { partly } from "./partly.ts";

/** Articles in memory: what is to be found, how slowly, and who asked for what. */
export class FakeArticles {
  /** Given to everybody who asks; nothing is found while it is undefined. */
  found: MessageInit<RetrieveResponse> | undefined;
  /** While true nobody is answered. */
  hangs: boolean = false;
  /** What is said to questions; nothing while it is undefined. */
  answered: MessageInit<AnswerResponse> | undefined;
  readonly questions: (AnswerRequest & { readonly projectId: string })[] = [];
  readonly asked: (RetrieveRequest & { readonly projectId: string })[] = [];
  readonly #rules = createVersionFeed(realWorld().timers, 1n);
  #ruleList: MessageInit<Rule>[] = [];

  setRules(rules: readonly MessageInit<Rule>[]): void {
    this.#ruleList = [...rules];
    this.#rules.advance(this.#rules.version + 1n);
  }

  implementation(): Implementation {
    return partly(ArticlesService, {
      retrieve: (request, { passport }) => {
        this.asked.push({ ...request, projectId: passport.projectId });
        if (this.hangs) return new Promise(() => undefined);
        return Promise.resolve(this.found ?? {});
      },
      answer: (request, { passport }) => {
        this.questions.push({ ...request, projectId: passport.projectId });
        if (this.hangs) return new Promise(() => undefined);
        return Promise.resolve(this.answered ?? {});
      },
      watchRules: async ({ afterVersion, waitMs }, context) => ({
        version: await this.#rules.wait(afterVersion, { ...context, waitMs }),
        rules: this.#ruleList,
      }),
    });
  }
}
