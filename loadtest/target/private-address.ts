import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';

/** Loopback, private (RFC 1918), unique local and link-local addresses. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('127.0.0.0', 8);
PRIVATE.addSubnet('10.0.0.0', 8);
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addSubnet('169.254.0.0', 16);
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');

export function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/**
 * The first address of the name. Connections use this address, so a later answer of DNS cannot lead elsewhere.
 * @throws if an address of the name is neither loopback nor private, unless `remote` allows that
 */
export async function addressFor(name: string, remote: boolean): Promise<string> {
  const addresses = (await lookup(name, { all: true })).map(({ address }) => address);
  const elsewhere = addresses.find((address) => !isPrivate(address));
  if (elsewhere !== undefined && !remote)
    throw new Error(
      `${name === elsewhere ? name : `${name} (${elsewhere})`} is neither a loopback nor a private address. ` +
        'Use --yes-remote if you may send load to this service.',
    );
  return addresses[0]!;
}
