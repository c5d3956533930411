/** `GET /v1/events`: server-sent events. `push/` sends them; this handler reads the request. */
import { networkOf } from '../access/rate-limit.ts';
import { saneRequestId } from '../access/requester.ts';
import { unknownName } from '../cache/unknown-names.ts';
import { ServiceError } from '../errors.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange, type Headers } from './exchange.ts';
import { addressOf, type GuardedHandler, requesterOf } from './guard.ts';
import { decodedPairs } from './query.ts';
import { StreamedAnswer } from './streamed.ts';

const LISTS = ['keys', 'types', 'prefixes'];
const PARAMETERS: ReadonlySet<string> = new Set([...LISTS, 'values', 'interval', 'heartbeat']);

/** In ms. uWS closes a connection on which it has written nothing for 8 s, so the longest is well below. */
const SHORTEST_HEARTBEAT = 100;
const LONGEST_HEARTBEAT = 5000;

const HEADERS: Headers = [
  ['Content-Type', 'text/event-stream'],
  ['Cache-Control', 'no-store'],
  // nginx would collect the events.
  ['X-Accel-Buffering', 'no'],
];
const COMMENT = ':\n';

export function eventsHandler(deps: HttpDeps): GuardedHandler {
  const { load, counters } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, false);
    const requester = requesterOf(deps, 'GET /v1/events', res, req, principal);
    attempt(exchange, deps, () => {
      shedIfOverloaded(deps);
      const { heartbeat = LONGEST_HEARTBEAT, ...interest } = interestOf(req.getQuery());
      deps.openEvents(new StreamedAnswer(res, exchange, HEADERS, COMMENT), {
        interest,
        lastEventId: req.getHeader('last-event-id'),
        heartbeatMs: heartbeatOf(heartbeat),
        owner: {
          principal,
          address: addressOf(res),
          network: networkOf(res.getRemoteAddress()),
          requestId: saneRequestId(req.getHeader('x-request-id')),
        },
        requester,
      });
    });
  };
}

/** The parameters as the members of a JSON request. A list has one parameter for each name, because keys may have commas. */
function interestOf(query: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, text] of decodedPairs(query)) {
    if (!PARAMETERS.has(name)) throw unknownName('parameter', name, PARAMETERS, 'query_invalid');
    if (LISTS.includes(name)) {
      const names = found[name] as string[] | undefined;
      if (names === undefined) found[name] = [text];
      else names.push(text);
    } else if (name in found)
      throw new ServiceError('query_invalid', `the parameter "${name}" is repeated; send it once`, name);
    else found[name] = name === 'values' ? booleanOf(text) : numberOf(name, text);
  }
  return found;
}

function booleanOf(text: string): boolean {
  if (text !== 'true' && text !== 'false')
    throw new ServiceError('query_invalid', 'expected true or false', 'values');
  return text === 'true';
}

function numberOf(name: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new ServiceError('query_invalid', 'expected a number of ms', name);
  return Number(text);
}

function heartbeatOf(ms: unknown): number {
  if (Number(ms) < SHORTEST_HEARTBEAT || Number(ms) > LONGEST_HEARTBEAT)
    throw new ServiceError(
      'query_invalid',
      `expected an interval of ${SHORTEST_HEARTBEAT} to ${LONGEST_HEARTBEAT} ms`,
      'heartbeat',
    );
  return Number(ms);
}
