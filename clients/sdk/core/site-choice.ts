/**
 * Which of several addresses is asked. They may be routers of one Tandem, or two of them: an answer
 * is then kept by the one that began it, so that it is asked first for the rest, and another one
 * only when that one is lost. Pure.
 */
export class SiteChoice {
  readonly #sites: readonly string[];
  /** What comes behind the address; the whole of it where no site of ours was asked for. */
  readonly #rest: string;
  #at: number;
  #failures = 0;
  readonly #without = new Set<number>();

  /** `first` is asked first: the one that answered last time. */
  constructor(url: string, sites: readonly string[], first: number) {
    const own = sites.find((site) => isBelow(url, site));
    this.#sites = own === undefined ? [""] : sites;
    this.#rest = url.slice((own ?? "").length);
    this.#at = own === undefined ? 0 : first;
  }

  get url(): string {
    return `${this.#sites[this.#at] ?? ""}${this.#rest}`;
  }

  get at(): number {
    return this.#at;
  }

  /** It answered. */
  answered(): void {
    this.#failures = 0;
  }

  /** Once may be chance, and its own replicas mend it; then it is somebody else's turn. */
  failed(): void {
    this.#failures += 1;
    if (this.#failures > 1) this.#move();
  }

  /** This site has not got the answer. False when no other one can have it. */
  lacks(): boolean {
    this.#without.add(this.#at);
    return this.#move();
  }

  #move(): boolean {
    for (let step = 1; step <= this.#sites.length; step += 1) {
      const next = (this.#at + step) % this.#sites.length;
      if (this.#without.has(next)) continue;
      this.#at = next;
      this.#failures = 0;
      return true;
    }
    return false;
  }
}

function isBelow(url: string, site: string): boolean {
  return url.startsWith(site) && /^([/?#]|$)/.test(url.slice(site.length));
}
