/** What may stand in the fields of people and organisations, and in which form it is kept. */
const controlCharacters = /\p{Cc}/u;
const emailPattern = /^[^\s@]+@[^\s@]+$/;
const languagePattern = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$/;
const themes = new Set(["light", "dark", "system"]);
const nameLengthMax = 100;
const emailLengthMax = 254;

/** Without blanks at the ends; undefined when it is none. */
export function cleanName(text: string): string | undefined {
  const name = text.trim();
  const isName = name !== "" && name.length <= nameLengthMax && !controlCharacters.test(name);
  return isName ? name : undefined;
}

/** In lower case, so that one address is one person; undefined when it is none. */
export function cleanEmail(text: string): string | undefined {
  const email = text.trim().toLowerCase();
  return emailPattern.test(email) && email.length <= emailLengthMax ? email : undefined;
}

/** BCP 47, as far as the console speaks it: en, fr, zh-Hans, pt-BR. */
export function isLanguage(text: string): boolean {
  return languagePattern.test(text);
}

export function isTheme(text: string): boolean {
  return themes.has(text);
}

/** An IANA name that this platform can reckon with. */
export function isTimeZone(text: string): boolean {
  if (text.length > 64) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** The address of somebody who was forgotten; nobody is ever reached there (RFC 2606). */
export function pseudonymOf(userId: string): string {
  return `${userId}@erased.invalid`;
}
