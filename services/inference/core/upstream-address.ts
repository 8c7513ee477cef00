/** How the URL of an upstream is written; where it leads is for `isForbiddenAddress`. */

/** Why this URL cannot be an upstream's; undefined when it can. */
export function refuseUrl(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "it is no URL; write it like https://host:port/v1";
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return "only http and https";
  if (url.username !== "" || url.password !== "") return "credentials belong into api_key";
  if (url.search !== "" || url.hash !== "") return "a base URL has no query and no fragment";
  return undefined;
}
