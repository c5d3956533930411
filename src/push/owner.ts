/** Who owns a socket: a client with a token, which another `auth` request replaces. */
import type { Access } from '../access/access.ts';
import type { Principal } from '../access/principal.ts';
import { Requester } from '../access/requester.ts';

export interface Owner {
  /** Undefined until the client has authenticated, and in a service without tokens. */
  principal: Principal | undefined;
  readonly address: string;
  /** The network of the address, which the limits count as one client. */
  readonly network: string;
  readonly requestId: string | undefined;
  /** When the socket was opened, as `performance.now()`. */
  readonly since: number;
}

/** The sender of a request of a socket with this owner. */
export function requesterOf({ audit }: Pick<Access, 'audit'>, owner: Owner, operation: string): Requester {
  const { address, requestId } = owner;
  return new Requester(owner.principal, operation, audit, { address: () => address, requestId });
}
