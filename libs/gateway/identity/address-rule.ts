import { BlockList, isIP } from "node:net";

/** A range of addresses in CIDR form, or one address. */
export interface AddressRule {
  readonly list: BlockList;
}

/** Undefined for what is no range: such a rule lets nobody in. */
export function parseAddressRule(text: string): AddressRule | undefined {
  const [address = "", length] = text.split("/");
  const family = familyOf(address);
  if (family === undefined) return undefined;
  const bits = length === undefined ? (family === "ipv4" ? 32 : 128) : Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === "ipv4" ? 32 : 128)) {
    return undefined;
  }
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return { list };
}

/** An IPv4 address written inside IPv6 (`::ffff:10.0.0.1`) is taken as the IPv4 address. */
export function addressMatches(rule: AddressRule, address: string): boolean {
  const plain = address.toLowerCase().startsWith("::ffff:") ? address.slice(7) : address;
  const candidate = isIP(plain) === 4 ? plain : address;
  const family = familyOf(candidate);
  return family !== undefined && rule.list.check(candidate, family);
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}
