import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import { TYPES } from '../../../src/key.ts';
import type { Model } from '../../codec/arbitraries.ts';
import type { Source } from '../kind.ts';
import { literal, map, str } from './models.ts';
import { mutate } from './mutate.ts';
import { jsonOf, oneIn } from './values.ts';

const WORDS = ['"pattern":', '"*"', '"versions":[', '"origin":', '[z-a]', '\\', '{"keys":', '"begun"'];
const PATTERNS = ['*', 'borrow_rate:*', '[', '[^', '[z-a]', '\\', '?', '*'.repeat(200), '*a*b*c*d*e*', ''];

/** A message on the channel: keys, types and patterns of other programs and of replicas; then damaged. */
export function announcement(source: Source): Buffer {
  const { random } = source;
  if (oneIn(8, random)) return mutate(Buffer.from(key(random)), random, WORDS);
  const members = (Object.keys(MEMBERS) as (keyof typeof MEMBERS)[])
    .filter(() => oneIn(2, random))
    .map((name): [string, Model] => [
      name,
      oneIn(8, random) ? source.values.any(random) : MEMBERS[name](random),
    ]);
  return mutate(jsonOf(map(members), random), random, WORDS);
}

const MEMBERS = {
  origin: (random: Random) => str(pick(['5f0c2a17', '', 'a'.repeat(100)], random)),
  db: (random: Random) => ({ type: 'int', value: BigInt(below(3, random)) }) as Model,
  reason: (random: Random) => str(pick(['set', 'delete', 'flush', 'remote', 'expire'], random)),
  keys: (random: Random) => list(random, () => str(key(random))),
  versions: (random: Random) => list(random, () => str(version(random))),
  version: (random: Random) => str(version(random)),
  deletion: (random: Random) => str(pick(['begun', 'failed', 'done', 'no'], random)),
  types: (random: Random) => list(random, () => str(pick([...TYPES, 'none'], random))),
  pattern: (random: Random) => (oneIn(9, random) ? literal(null) : str(pick(PATTERNS, random))),
};

function list(random: Random, item: () => Model): Model {
  const length = oneIn(50, random) ? 2000 : below(4, random);
  return { type: 'array', items: Array.from({ length }, item) };
}

function key(random: Random): string {
  return pick(['borrow_rate:A', 'borrow_rate:B', 'volatility:A', 'a', '', 'clé:é', 'x'.repeat(600)], random);
}

/** A version of the past, of the far future, or none. */
function version(random: Random): string {
  const ms = pick([0, Date.UTC(2020, 0), Date.UTC(2026, 10, 28), 2 ** 48 - 1], random);
  return oneIn(10, random) ? 'a' : `${ms.toString(16).padStart(12, '0')}00005f0c2a17`;
}
