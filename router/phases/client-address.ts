import { BlockList, isIP } from "node:net";
import type { HeaderList } from "@tandem/libs/http";

/** Who is believed when it says for whom it speaks. */
export interface TrustedProxies {
  readonly isEmpty: boolean;
  has(address: string): boolean;
}

/** Addresses and CIDR ranges separated by commas. Throws for what is neither. */
export function parseTrustedProxies(text: string): TrustedProxies {
  const list = new BlockList();
  const entries = text.split(",").map((entry) => entry.trim());
  const written = entries.filter((entry) => entry !== "");
  for (const entry of written) {
    const [address = "", prefix] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return {
    isEmpty: written.length === 0,
    has: (address) => {
      const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
      const version = isIP(plain);
      return version !== 0 && list.check(plain, version === 6 ? "ipv6" : "ipv4");
    },
  };
}

export interface ForwardedFor {
  /** Value of `x-forwarded-for`: who called, nearest last. */
  readonly chain: string;
  readonly protocol: "http" | "https";
}

const addressList = /^[0-9a-fA-F.:, ]{2,512}$/;

/**
 * What the gateways are told about the caller. Only a trusted proxy's own words are kept and added
 * to; anybody else could write anything there, and is named by the address it really has.
 */
export function forwardedFor(
  caller: { readonly remoteAddress: string; readonly isTls: boolean; readonly headers: HeaderList },
  trusted: TrustedProxies,
): ForwardedFor {
  const { remoteAddress, headers } = caller;
  const own: "http" | "https" = caller.isTls ? "https" : "http";
  if (trusted.isEmpty || !trusted.has(remoteAddress)) {
    return { chain: remoteAddress, protocol: own };
  }
  const told = headers.get("x-forwarded-for");
  const isSound = told !== undefined && addressList.test(told);
  const protocol = headers.get("x-forwarded-proto");
  return {
    chain: isSound ? `${told}, ${remoteAddress}` : remoteAddress,
    protocol: protocol === "https" || protocol === "http" ? protocol : own,
  };
}
