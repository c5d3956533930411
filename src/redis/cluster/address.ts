import type { HostAndPort } from '../connector.ts';

/** The address of a node, as `host:port`. An IPv6 address has no brackets, as in the replies of Redis. */
export type Address = string;

export function addressOf({ host, port }: HostAndPort): Address {
  return `${host}:${port}`;
}

export function hostAndPort(address: Address): HostAndPort {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** Translates the addresses that nodes announce to the addresses that this process uses. */
export class AddressMap {
  readonly #map: ReadonlyMap<Address, HostAndPort>;

  constructor(natMap: Readonly<Record<Address, HostAndPort>>) {
    this.#map = new Map(Object.entries(natMap));
  }

  /**
   * @param host as a node announces it; null or '' for the host of the node that answered
   * @param answered the node that answered
   */
  resolve(host: string | null, port: number, answered: Address): Address {
    const announced = addressOf({ host: host || hostAndPort(answered).host, port });
    const mapped = this.#map.get(announced);
    return mapped === undefined ? announced : addressOf(mapped);
  }
}
