/** The answer to a plain `get` that is an L1 hit: the shortest way through a WebSocket request. */
import { allowsKey, isCurrent, type Principal } from '../access/principal.ts';
import type { Entry } from '../cache/entry.ts';
import { describeRead, tracedReads } from '../cache/traced-reads.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
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
  const span = deps.tracing?.start('ws get', 'server');
  consumer.reply(consumer.codec.item(id, { key, status: 'hit', entry }, clock.now, cache.coherence));
  if (span !== undefined) endSpan(deps, span, key, entry);
  return true;
}

/** Ends the span of a sampled request with what other reads record. The lookup itself took no measurable time. */
function endSpan({ cache, clock, hub }: RequestDeps, span: TraceSpan, key: string, entry: Entry): void {
  const found = { peek: () => entry, load: (missed: string) => hub.load(missed) };
  tracedReads(found, span, (reads) => reads.peek(key));
  describeRead(span, cache.stateOf(key), entry, clock.now);
  span.endRequest({ key });
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
