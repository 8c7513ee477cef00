/**
 * Cuts the text of a server-sent event stream into whole blocks, each with the blank line that ends
 * it. What has no end yet is kept back, and is dropped with its connection: nobody is told half an
 * event. Line ends may be LF, CR LF or CR (WHATWG HTML, 9.2.5). Pure.
 */
export class EventSplitter {
  #rest = "";
  /** The last block ended in a CR, whose LF may come yet. */
  #isCarried = false;

  add(text: string): readonly string[] {
    this.#rest += this.#isCarried && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#isCarried = false;
    const blocks: string[] = [];
    let from = 0;
    for (const { index, 0: blank } of this.#rest.matchAll(blankLine)) {
      const end = index + blank.length;
      blocks.push(this.#rest.slice(from, end));
      from = end;
      this.#isCarried = end === this.#rest.length && blank.endsWith("\r");
    }
    this.#rest = this.#rest.slice(from);
    return blocks;
  }
}

const blankLine = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))/g;
