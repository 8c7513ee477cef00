/**
 * What is known of a language: how PostgreSQL takes its words apart, and whether it writes them
 * apart at all. Pure.
 */

/** PostgreSQL's text search configurations by primary language subtag (BCP 47). */
const configurations: Readonly<Record<string, string>> = {
  ar: "arabic",
  ca: "catalan",
  da: "danish",
  de: "german",
  el: "greek",
  en: "english",
  es: "spanish",
  eu: "basque",
  fi: "finnish",
  fr: "french",
  ga: "irish",
  hi: "hindi",
  hu: "hungarian",
  hy: "armenian",
  id: "indonesian",
  it: "italian",
  lt: "lithuanian",
  nb: "norwegian",
  ne: "nepali",
  nl: "dutch",
  no: "norwegian",
  pt: "portuguese",
  ro: "romanian",
  ru: "russian",
  sr: "serbian",
  sv: "swedish",
  ta: "tamil",
  tr: "turkish",
  yi: "yiddish",
};

/** Languages that write their words without blanks. */
const unspaced = new Set(["zh", "ja", "th", "km", "lo", "my"]);
const unspacedScript =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}]/u;

const tagPattern = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/;

export function isLanguageTag(text: string): boolean {
  return tagPattern.test(text);
}

export function primaryLanguage(tag: string): string {
  return (tag.split("-")[0] ?? "").toLowerCase();
}

/** The configuration for a language; `simple` for one that PostgreSQL has none for. */
export function searchConfiguration(tag: string): string {
  return configurations[primaryLanguage(tag)] ?? "simple";
}

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterFor(language: string): Intl.Segmenter {
  const known = segmenters.get(language);
  if (known !== undefined) return known;
  const made = new Intl.Segmenter(language, { granularity: "word" });
  segmenters.set(language, made);
  return made;
}

/**
 * A text as the full text search gets it: compatible forms of characters made one, and blanks
 * between words where the language or the script has none.
 */
export function searchableText(text: string, tag: string): string {
  const plain = text.normalize("NFKC");
  const language = primaryLanguage(tag);
  if (!unspaced.has(language) && !unspacedScript.test(plain)) return plain;
  const words: string[] = [];
  const segmenter = segmenterFor(unspaced.has(language) ? language : "zh");
  for (const { segment } of segmenter.segment(plain)) words.push(segment);
  return words.join(" ");
}

/** The sentences of a text, blanks at their ends cut off. */
export function sentencesOf(text: string, tag: string): readonly string[] {
  const segmenter = new Intl.Segmenter(primaryLanguage(tag) || "en", { granularity: "sentence" });
  const sentences: string[] = [];
  for (const { segment } of segmenter.segment(text)) {
    const sentence = segment.trim();
    if (sentence !== "") sentences.push(sentence);
  }
  return sentences;
}
