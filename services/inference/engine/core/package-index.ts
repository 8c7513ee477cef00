/**
 * Reads the page of one project of a Python package index, in both forms there are: HTML (PEP 503)
 * and JSON (PEP 691). Pure.
 */
export interface IndexFile {
  readonly name: string;
  readonly url: string;
  /** As the index gives it; undefined when it does not. */
  readonly sha256: string | undefined;
}

/** What to ask an index for: JSON where it can, HTML otherwise. */
export const indexPageAccept = "application/vnd.pypi.simple.v1+json, text/html;q=0.2";

/** The one spelling of a project's name in an index URL (PEP 503, "Normalized Names"). */
export function normalizeProject(name: string): string {
  return name.replaceAll(/[-_.]+/g, "-").toLowerCase();
}

/** The files of a page that was fetched from `pageUrl`, against which links are resolved. */
export function readIndexPage(
  page: string,
  { contentType, pageUrl }: { readonly contentType: string; readonly pageUrl: string },
): readonly IndexFile[] {
  return /\bjson\b/.test(contentType) ? readJson(page, pageUrl) : readHtml(page, pageUrl);
}

function readJson(page: string, pageUrl: string): readonly IndexFile[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(page);
  } catch {
    return [];
  }
  const files = fieldOf(parsed, "files");
  if (!Array.isArray(files)) return [];
  return files.flatMap((file: unknown) => {
    const name = fieldOf(file, "filename");
    const link = fieldOf(file, "url");
    const sha256 = fieldOf(fieldOf(file, "hashes"), "sha256");
    const url = typeof link === "string" ? resolveUrl(link, pageUrl) : undefined;
    if (typeof name !== "string" || url === undefined) return [];
    return [{ name, url, sha256: typeof sha256 === "string" ? sha256 : undefined }];
  });
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

const anchor = /<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([^<]*)<\/a>/gi;

function readHtml(page: string, pageUrl: string): readonly IndexFile[] {
  const files: IndexFile[] = [];
  for (const [, double, single, text = ""] of page.matchAll(anchor)) {
    const url = resolveUrl(unescapeHtml(double ?? single ?? ""), pageUrl);
    if (url === undefined) continue;
    const { hash } = new URL(url);
    const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(hash)?.[1]?.toLowerCase();
    const bare = hash === "" ? url : url.slice(0, -hash.length);
    files.push({ name: unescapeHtml(text).trim(), url: bare, sha256 });
  }
  return files;
}

function resolveUrl(link: string, pageUrl: string): string | undefined {
  return URL.canParse(link, pageUrl) ? new URL(link, pageUrl).href : undefined;
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
