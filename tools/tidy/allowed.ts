/**
 * Exceptions from the house rules, each with its reason. The list should hurt to read: shorten it.
 */

/** Files in which a global of the outside world may stand, besides `libs/world`. */
export const worldIsAllowed: readonly { readonly path: RegExp; readonly reason: string }[] = [
  { path: /\.(test|suite)\.ts$/, reason: "tests measure real time and read the environment" },
  { path: /^(tests|bench|tools|libs\/testing)\//, reason: "they are the outside world" },
  { path: /\/(testing|test-fixtures)\//, reason: "the same, beside what they test" },
  { path: /^supervisor\//, reason: "the supervisor is where processes get their environment" },
  { path: /^services\/inference\/engine\/download\//, reason: "npm and pip want an environment" },
];

/** Longer files and functions. */
export const lengthIsAllowed: readonly { readonly path: string; readonly reason: string }[] = [
  {
    path: "gateways/ai/core/json-scanner.ts",
    reason: "one grammar in one class: its fields are the registers that every step shares",
  },
];
