/** The answer to a plain `get` that is an L1 hit: the shortest way through a WebSocket request. */
import { allowsKey, isCurrent, type Principal } from '../access/principal.ts';
import type { Consumer } from './consumer.ts';
import type { RequestDeps } from './deps.ts';
import type { PlainGet } from './plain-get.ts';

/**
 * Answers the request if it is an L1 hit that nothing else concerns: no limit of a rate, no mark, no refusal.
 * @returns false where nothing was sent, and the request has to be decoded
 */
export function answerPlainGet(deps: RequestDeps, consumer: Consumer, { id, key }: PlainGet): boolean {
  const { access, cache, clock, hub } = deps;
  const { principal } = consumer.owner;
  if (access.rates.limitsAddresses || cache.quality.active) return false;
  if (access.authenticator !== undefined && !mayRead(principal, key)) return false;
  const entry = hub.peek(key);
  if (entry === undefined || entry.isSuspect) return false;
  consumer.reply(consumer.codec.item(id, { key, status: 'hit', entry }, clock.now, cache.coherence));
  return true;
}

function mayRead(principal: Principal | undefined, key: string): boolean {
  return (
    principal !== undefined &&
    principal.limits === undefined &&
    isCurrent(principal, Date.now()) &&
    principal.scopes.has('read') &&
    allowsKey(principal, key)
  );
}
