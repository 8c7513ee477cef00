/**
 * Where a URL that somebody configured may lead: nowhere that only this machine's own trust would
 * let in. To be asked of every address that a name resolves to, when it is connected to.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";

const forbidden = new BlockList();
forbidden.addSubnet("0.0.0.0", 8, "ipv4");
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("224.0.0.0", 3, "ipv4");
forbidden.addAddress("100.100.100.200", "ipv4");
forbidden.addAddress("::", "ipv6");
forbidden.addSubnet("fe80::", 10, "ipv6");
forbidden.addSubnet("ff00::", 8, "ipv6");
forbidden.addAddress("fd00:ec2::254", "ipv6");

const privateOnes = new BlockList();
privateOnes.addSubnet("10.0.0.0", 8, "ipv4");
privateOnes.addSubnet("172.16.0.0", 12, "ipv4");
privateOnes.addSubnet("192.168.0.0", 16, "ipv4");
privateOnes.addSubnet("100.64.0.0", 10, "ipv4");
privateOnes.addSubnet("127.0.0.0", 8, "ipv4");
privateOnes.addAddress("::1", "ipv6");
privateOnes.addSubnet("fc00::", 7, "ipv6");

/** Never allowed for anybody: link-local and metadata, multicast, unspecified, broadcast. */
export function isForbiddenAddress(address: string, options: { allowPrivate: boolean }): boolean {
  const plain = unmapped(address);
  const family = isIPv4(plain) ? "ipv4" : isIPv6(plain) ? "ipv6" : undefined;
  if (family === undefined) return true;
  if (forbidden.check(plain, family)) return true;
  return !options.allowPrivate && privateOnes.check(plain, family);
}

/** `::ffff:10.0.0.1` and its hexadecimal spelling are the IPv4 address they map. */
function unmapped(address: string): string {
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (dotted?.[1] !== undefined) return dotted[1];
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  if (hex?.[1] === undefined || hex[2] === undefined) return address;
  const [high, low] = [Number.parseInt(hex[1], 16), Number.parseInt(hex[2], 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
