import { type Part, type Profile, QUOTE_TYPES } from '../profile.ts';
import { LOCAL_HEAD } from '../support/head.ts';
import { below, seeded } from '../support/random.ts';
import { dataSet } from './data-set.ts';
import { listedRequest } from './listed.ts';
import { type Encode, httpWith, type Prepared, websocket } from './prepared.ts';
import { zipf } from './zipf.ts';

// Number of requests that are built before the run and sent in a cycle, large enough to avoid a visible pattern.
const ROUND = 1 << 16;

/** The n-th request, from 0. */
export type RequestAt = (n: number) => Prepared;

/**
 * The requests of a profile. `push` has none here: its generator builds the updates.
 * @param head header lines of every HTTP request, each with its line end
 */
export function requestsOf(
  { data, traffic }: Pick<Profile, 'data' | 'traffic'>,
  seed: number,
  head = LOCAL_HEAD,
): RequestAt {
  const http = httpWith(head);
  const set = dataSet(data, seed);
  if (traffic.kind === 'push')
    throw new Error('push has no prepared requests: its generator builds the updates');
  if (traffic.kind === 'stampede') {
    const all = set.symbols.map((symbol) => http.get(set.key('borrow_rate', symbol)));
    return (n) => all[Math.floor(n / traffic.size) % all.length]!;
  }

  const encode = traffic.over === 'http' ? http : websocket;
  const random = seeded(seed + 1);
  const popular = zipf(set.symbols.length, random);
  const made = new Map<string, Prepared>();
  const once = (name: string, make: () => Prepared): Prepared => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const request = make();
    made.set(name, request);
    return request;
  };
  const draw = data.listed === undefined ? drawSymbol : listedRequest(data, data.listed, encode, random);
  function drawSymbol(part: Part): Prepared {
    const at = part.draw === 'zipf' ? popular() : below(set.symbols.length, random);
    const symbol = set.symbols[at]!;
    const { op, type = 'borrow_rate' } = part;
    return once(`${op} ${type} ${op === 'invalidate' ? symbol[0] : symbol}`, () =>
      make(encode, op, symbol, type),
    );
  }
  function make(encode: Encode, op: Part['op'], symbol: string, type: NonNullable<Part['type']>): Prepared {
    switch (op) {
      case 'get':
        return encode.get(set.key(type, symbol));
      case 'set':
        return encode.set(set.key(type, symbol), set.value(type, symbol));
      case 'quote':
        return encode.mget(QUOTE_TYPES.map((of) => set.key(of, symbol)));
      case 'invalidate':
        return encode.invalidate(`borrow_rate:${symbol[0]}*`);
      case 'mget':
      case 'delete':
        throw new Error(`${op} needs a list of keys`);
    }
  }

  const upTo = traffic.parts.map((_, i) =>
    traffic.parts.slice(0, i + 1).reduce((sum, { share }) => sum + share, 0),
  );
  const round = Array.from({ length: ROUND }, () => {
    const drawn = random() * upTo.at(-1)!;
    return draw(traffic.parts[upTo.findIndex((bound) => drawn < bound)]!);
  });
  return (n) => round[n % ROUND]!;
}
