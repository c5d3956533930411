import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';

/** Loopback, private (RFC 1918) and unique local addresses. Not link-local ones: clouds serve their metadata there. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('127.0.0.0', 8);
PRIVATE.addSubnet('10.0.0.0', 8);
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

export function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/**
 * The addresses of the name. Connections use one of them, so a later answer of DNS cannot lead elsewhere.
 * @throws if an address of the name is neither loopback nor private, unless `remote` allows that
 */
export async function addressesOf(name: string, remote: boolean): Promise<string[]> {
  const addresses = [...new Set((await lookup(name, { all: true })).map(({ address }) => address))];
  const elsewhere = addresses.find((address) => !isPrivate(address));
  if (elsewhere !== undefined && !remote)
    throw new Error(
      `${name === elsewhere ? name : `${name} (${elsewhere})`} is neither a loopback nor a private address. ` +
        'Use --yes-remote if you may send load to this service.',
    );
  return addresses;
}
