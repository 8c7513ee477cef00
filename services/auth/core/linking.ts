/**
 * Whose account a provider's word opens. A provider's subject that was linked once is that person
 * for good, whatever its address becomes. A new one is linked by its verified e-mail address alone,
 * and then only to an account without a password: whoever was invited under somebody's address
 * could have set that password, so its owner has to know it, by linking from a session.
 */
export interface ProviderWord {
  /** In lower case; empty when the provider tells none. */
  readonly email: string;
  readonly isEmailVerified: boolean;
  /** The person that this subject of this provider was linked to before. */
  readonly linkedUserId: string | undefined;
}

export interface Account {
  readonly userId: string;
  readonly hasPassword: boolean;
}

/** A person that asks, in a session, for the link. */
export interface LinkWish {
  readonly userId: string;
  readonly email: string;
}

export type LinkDecision =
  | { readonly kind: "known" | "link"; readonly userId: string }
  /** There is nobody with this address yet, and the provider's people may come by themselves. */
  | { readonly kind: "join" }
  | { readonly kind: "refuse"; readonly why: LinkRefusal };

export type LinkRefusal =
  | "email_unverified"
  | "password_first"
  | "nobody"
  | "linked_elsewhere"
  | "other_email";

export function decideLink(
  word: ProviderWord,
  given: {
    /** Behind the word's address. */
    readonly account: Account | undefined;
    readonly wish: LinkWish | undefined;
    readonly mayJoin: boolean;
  },
): LinkDecision {
  const { account, wish, mayJoin } = given;
  const refuse = (why: LinkRefusal): LinkDecision => ({ kind: "refuse", why });
  const { linkedUserId, email, isEmailVerified } = word;
  if (linkedUserId !== undefined) {
    const isOther = wish !== undefined && wish.userId !== linkedUserId;
    return isOther ? refuse("linked_elsewhere") : { kind: "known", userId: linkedUserId };
  }
  if (email === "" || !isEmailVerified) return refuse("email_unverified");
  if (wish !== undefined) {
    return wish.email === email ? { kind: "link", userId: wish.userId } : refuse("other_email");
  }
  if (account === undefined) return mayJoin ? { kind: "join" } : refuse("nobody");
  return account.hasPassword ? refuse("password_first") : { kind: "link", userId: account.userId };
}

/** Whether people of these domains may come by themselves; an empty list means all. */
export function isOfDomains(email: string, domains: readonly string[]): boolean {
  const domain = email.slice(email.lastIndexOf("@") + 1);
  return domains.length === 0 || domains.some((each) => each.toLowerCase() === domain);
}
