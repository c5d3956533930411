/** Checks who owns a socket: for each request, for an `auth` request, and while the socket is open. */
import type { Access } from '../access/access.ts';
import { isCurrent, type Principal, type Scope } from '../access/principal.ts';
import type { Requester } from '../access/requester.ts';
import { ServiceError } from '../errors.ts';
import type { RequestId } from './codec.ts';
import { CLOSE, type Consumer } from './consumer.ts';
import { requesterOf } from './owner.ts';

export type SocketAccess = Pick<Access, 'authenticator' | 'audit' | 'rates'>;

/** How long a client without an `Authorization` header may take to send its `auth` request. */
const AUTH_DEADLINE_MS = 5000;

/**
 * Checks that the owner of the socket may use an operation.
 * @throws ServiceError `unauthenticated` or `forbidden`
 */
export function admit(
  { authenticator }: SocketAccess,
  { owner: { principal } }: Consumer,
  requester: Requester,
  scope: Scope,
): void {
  if (authenticator === undefined) return;
  if (principal === undefined || !isCurrent(principal, Date.now())) {
    requester.refused('unauthenticated', {});
    throw new ServiceError(
      'unauthenticated',
      'the socket has no valid token: connect with one, or send an auth request first',
    );
  }
  requester.requireScope(scope);
}

/** Runs an `auth` request: the socket has the rights of this token from now on. */
export async function authenticate(
  access: SocketAccess,
  consumer: Consumer,
  id: RequestId,
  token: string,
): Promise<void> {
  const { authenticator } = access;
  if (authenticator === undefined) return consumer.reply(consumer.codec.done(id));
  let principal: Principal;
  try {
    principal = await authenticator.verify(`Bearer ${token}`);
  } catch (error) {
    if (error instanceof ServiceError) requesterOf(access, consumer.owner, 'auth').refused(error.code, {});
    if (error instanceof ServiceError && error.code === 'unauthenticated') {
      consumer.reply(consumer.codec.failed(id, error));
      return consumer.close(CLOSE.unauthenticated, 'the token is not valid');
    }
    throw error;
  }
  const { owner } = consumer;
  const requester = requesterOf(access, { ...owner, principal }, 'auth');
  if (consumer.subscriptions.size > 0) requester.requireScope('read');
  for (const subscription of consumer.subscriptions.values()) requester.requireInterest(subscription);
  requester.requireInterest({ keys: consumer.registered.keys, types: [], prefixes: [] });
  owner.principal = principal;
  consumer.reply(consumer.codec.done(id, { name: principal.name }));
}

/** Closes the sockets whose token has expired or was revoked, and the sockets that have sent no token in time. */
export function closeUnauthenticated(consumers: Iterable<Consumer>): void {
  const [wall, now] = [Date.now(), performance.now()];
  for (const consumer of consumers) {
    const { principal, since } = consumer.owner;
    if (principal === undefined) {
      if (now - since > AUTH_DEADLINE_MS)
        consumer.close(CLOSE.unauthenticated, 'no auth request arrived in time');
    } else if (!isCurrent(principal, wall))
      consumer.close(CLOSE.unauthenticated, 'the token has expired or was revoked');
  }
}
