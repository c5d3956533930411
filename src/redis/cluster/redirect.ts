import { isRedirect } from '../refusal.ts';
import type { Address, AddressMap } from './address.ts';

/** Where Redis sends a command: `moved` for good, `ask` for this command only, because the slot is moving. */
export interface Redirect {
  readonly kind: 'moved' | 'ask';
  readonly to: Address;
}

/** Reads `MOVED 3999 10.0.0.1:6381` and `ASK 3999 10.0.0.1:6381`. Returns undefined for any other error. */
export function redirectOf(error: unknown, answered: Address, addresses: AddressMap): Redirect | undefined {
  if (!isRedirect(error)) return undefined;
  const [kind, , to] = error.message.split(' ');
  const colon = to?.lastIndexOf(':') ?? -1;
  if (to === undefined || colon < 0) return undefined;
  const port = Number(to.slice(colon + 1));
  return {
    kind: kind === 'ASK' ? 'ask' : 'moved',
    to: addresses.resolve(to.slice(0, colon), port, answered),
  };
}
