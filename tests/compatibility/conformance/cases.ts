/** The rows of the matrix: what every transport must do alike. */
import { answers } from "./answers.ts";
import type { Case } from "./case.ts";
import { faults } from "./faults.ts";
import { refusals } from "./refusals.ts";

export interface Section {
  readonly title: string;
  readonly cases: readonly Case[];
}

export const sections: readonly Section[] = [
  { title: "Answers", cases: answers },
  { title: "Refusals", cases: refusals },
  { title: "Faults", cases: faults },
];
