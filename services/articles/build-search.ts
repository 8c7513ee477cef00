import type { Lifecycle, Site } from "@tandem/libs/service";
import type { Database } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { createEncoder, type Encoder } from "./encoder/encoder.ts";
import { Filler } from "./encoder/filler.ts";
import { placeOfUrl, type ServerPlace } from "./encoder/post-json.ts";
import { createQuestionVectors } from "./encoder/question-vectors.ts";
import { type Answerer, createAnswerer } from "./search/answerer.ts";
import { createSearcher, type Searcher } from "./search/searcher.ts";
import { Shelves } from "./search/shelf.ts";
import type { Schema } from "./store/schema.ts";

export interface BuiltSearch {
  readonly searcher: Searcher;
  readonly answerer: Answerer;
  readonly wakeFiller: () => void;
}

/** Search, and what fills in the vectors it goes by. */
export function buildSearch(
  site: Site,
  lifecycle: Lifecycle,
  { database, config }: { readonly database: Database<Schema>; readonly config: Config },
): BuiltSearch {
  const { world, log } = site;
  const { encoder: settings } = config;
  const encoder = settings.isEnabled ? buildEncoder(site, lifecycle, settings) : undefined;
  const questions =
    encoder === undefined
      ? undefined
      : createQuestionVectors({ encoder, world, patienceMs: settings.questionPatienceMs });
  const searcher = createSearcher({
    ...{ database, world, questions },
    shelves: new Shelves({
      ...{ database, world, encoder: settings.model },
      bytesMax: config.vectorMemoryBytes,
    }),
    encoderLanguages: new Set(settings.languages),
    vectorsPerOrganisationMax: config.vectorsPerOrganisationMax,
  });
  // Sentences are many: they may take a little longer than a question does.
  const timeoutMs = settings.questionPatienceMs * 3;
  const answerer = createAnswerer({ searcher, encoder, questions, timeoutMs });
  if (encoder === undefined) return { searcher, answerer, wakeFiller: () => undefined };
  const filler = new Filler({
    ...{ database, encoder, world, log },
    timeoutMs: settings.passageTimeoutMs,
  });
  lifecycle.go("vectors of passages", (signal) => filler.run(signal));
  return { searcher, answerer, wakeFiller: () => filler.wake() };
}

function buildEncoder(
  site: Site,
  lifecycle: Lifecycle,
  { model, url, apiKey }: Config["encoder"],
): Encoder {
  const places: readonly ServerPlace[] =
    url === ""
      ? site
          .addressesOf("engine")
          .map((address) => ({ address, path: "/v1/embeddings", apiKey: "" }))
      : [placeOfUrl(url, apiKey)];
  const encoder = createEncoder({ world: site.world, model, places });
  lifecycle.defer("encoder", () => encoder.close());
  return encoder;
}
