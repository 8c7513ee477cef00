/** Where alerts may be sent: nowhere that only this machine's own trust would let in. */
import { BlockList, isIPv4, isIPv6 } from "node:net";

const never = new BlockList();
never.addSubnet("0.0.0.0", 8, "ipv4");
never.addSubnet("169.254.0.0", 16, "ipv4");
never.addSubnet("224.0.0.0", 3, "ipv4");
never.addAddress("100.100.100.200", "ipv4");
never.addAddress("::", "ipv6");
never.addSubnet("fe80::", 10, "ipv6");
never.addSubnet("ff00::", 8, "ipv6");
never.addAddress("fd00:ec2::254", "ipv6");

const inside = new BlockList();
inside.addSubnet("10.0.0.0", 8, "ipv4");
inside.addSubnet("172.16.0.0", 12, "ipv4");
inside.addSubnet("192.168.0.0", 16, "ipv4");
inside.addSubnet("100.64.0.0", 10, "ipv4");
inside.addSubnet("127.0.0.0", 8, "ipv4");
inside.addAddress("::1", "ipv6");
inside.addSubnet("fc00::", 7, "ipv6");

/** Metadata services and the like never; private addresses only where the operator says so. */
export function mayCallAddress(
  address: string,
  given: { readonly allowPrivate: boolean },
): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  const family = isIPv4(mapped) ? "ipv4" : isIPv6(mapped) ? "ipv6" : undefined;
  if (family === undefined || never.check(mapped, family)) return false;
  return given.allowPrivate || !inside.check(mapped, family);
}
