import { count, duration, section, size, text, toggle } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 6,
    min: 2,
    max: 100,
  }),
  articlesPerOrganisationMax: count({
    doc: "Articles an organisation may have; a further one is refused.",
    default: 20_000,
    min: 1,
    max: 1_000_000,
  }),
  encoder: section({
    isEnabled: toggle({
      doc: "Search by meaning, too; false: by words and exact terms only.",
      default: true,
    }),
    model: text({
      doc: "The encoder's name at its server. Another one has every passage embedded anew.",
      default: "all-minilm-l6-v2",
      pattern: /^[^\s]{1,128}$/,
      example: "all-minilm-l6-v2",
    }),
    url: text({
      doc: "Base URL of an embeddings server in OpenAI's form; empty: the embedded engine.",
      default: "",
      pattern: /^(https?:\/\/\S+)?$/,
      example: "http://127.0.0.1:8080/v1",
    }),
    apiKey: text({ doc: "That server's key; empty for none.", default: "" }),
    languages: z
      .array(z.string().regex(/^[a-z]{2,3}$/))
      .default(["en"])
      .meta({ description: "Languages the encoder knows; in others words lead, not meaning." }),
    questionPatienceMs: duration({
      doc: "How long a search waits for its question's vector before it goes by words alone.",
      default: "400ms",
      min: "10ms",
      max: "10s",
    }),
    passageTimeoutMs: duration({
      doc: "How long a batch of passages may take.",
      default: "20s",
      min: "1s",
      max: "5m",
    }),
  }),
  vectorMemoryBytes: size({
    doc: "Memory for vectors of passages, over all organisations; the longest unused go first.",
    default: "64MiB",
    min: "1MiB",
    max: "16GiB",
  }),
  vectorsPerOrganisationMax: count({
    doc: "Passages scored by meaning one by one; beyond, only those that words have found.",
    default: 50_000,
    min: 0,
    max: 1_000_000,
  }),
});

export type Config = z.output<typeof configSchema>;
