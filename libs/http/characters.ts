/**
 * The character classes of RFC 9110 section 5.6 and RFC 9112, as tables over one byte, since the
 * scanners look at every byte of every head.
 */
function table(accepts: (code: number) => boolean): Uint8Array {
  const marks = new Uint8Array(256);
  for (let code = 0; code < 256; code += 1) marks[code] = accepts(code) ? 1 : 0;
  return marks;
}

const tokenPunctuation = "!#$%&'*+-.^_`|~";

function isAlphanumeric(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  );
}

/** `tchar`: method and field names. */
export const isTokenByte = table(
  (code) => isAlphanumeric(code) || tokenPunctuation.includes(String.fromCharCode(code)),
);

/** `field-vchar`, blanks and `obs-text`: everything but controls and DEL. */
export const isValueByte = table((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f));

/** What a request target in origin form may hold: visible ASCII but quotes, brackets and "#". */
export const isTargetByte = table(
  (code) => code > 0x20 && code < 0x7f && !'"#<>\\^`{}'.includes(String.fromCharCode(code)),
);

/** `uri-host [":" port]`, IPv6 brackets included. */
export const isHostByte = table(
  (code) => isAlphanumeric(code) || "-._~%!$&'()*+,;=:[]".includes(String.fromCharCode(code)),
);

/** ASCII letters in lower case; every other byte itself. */
export const lowerCaseOf = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x41 && code <= 0x5a ? code + 0x20 : code,
);

/** The digit's value, or 255. */
export const hexValueOf = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 255 : value;
});

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const TAB = 0x09;
export const COLON = 0x3a;
