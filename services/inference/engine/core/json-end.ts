/**
 * Finds where a JSON value that comes in pieces is complete. Grammars let a model go on with blanks
 * after it, and small models do so until they are cut. Pure; state is the place in the value.
 */
export class JsonEnd {
  #depth = 0;
  #place: "before" | "value" | "string" | "escape" | "done" = "before";

  /** How many characters of `piece` belong to the value; undefined while it is incomplete. */
  push(piece: string): number | undefined {
    for (let index = 0; index < piece.length; index += 1) {
      if (this.#place === "done") return index;
      this.#take(piece.charAt(index));
    }
    return this.#place === "done" ? piece.length : undefined;
  }

  #take(character: string): void {
    if (this.#place === "escape") this.#place = "string";
    else if (this.#place === "string") this.#takeInString(character);
    else if (character === '"') this.#place = "string";
    else if (character === "{" || character === "[") {
      this.#depth += 1;
      this.#place = "value";
    } else if (character === "}" || character === "]") {
      this.#depth -= 1;
      if (this.#depth <= 0) this.#place = "done";
    }
  }

  #takeInString(character: string): void {
    if (character === "\\") this.#place = "escape";
    else if (character === '"') this.#place = this.#depth === 0 ? "done" : "value";
  }
}
