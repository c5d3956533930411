import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import type { Model } from '../../codec/arbitraries.ts';
import type { Source } from '../kind.ts';
import { anyKey } from './keys.ts';
import { int, list, literal, map, str } from './models.ts';
import { mutate } from './mutate.ts';
import { jsonOf, msgpackOf, oneIn } from './values.ts';

const OPS = [
  ...['get', 'mget', 'register', 'unregister', 'set', 'delete'],
  ...['subscribe', 'unsubscribe', 'ping', 'auth', '__proto__'],
];
const WORDS = ['"op":"set",', '"value":', '"id":1e999,', '"__proto__":{', '[[[[[[[[[[[[[[[[[['];
const TYPES = ['borrow_rate', 'volatility', 'other', 'none'];

/** What a request may have besides its id and operation. Members are also sent with operations that do not have them. */
const MEMBERS: Readonly<Record<string, (source: Source) => Model>> = {
  key: ({ random }) => str(anyKey(random)),
  keys: ({ random }) => some(random, () => str(anyKey(random))),
  ids: ({ random }) => some(random, () => pick([int(0), int(1), int(300), int(-1), str('0')], random)),
  first: ({ random }) => pick([int(0), int(1), int(2), int(-1), str('0')], random),
  value: ({ values, random }) => values.any(random),
  ttl: ({ random }) =>
    pick([int(60), int(0), int(-1), { type: 'float', value: 0.0001 }, int(2 ** 40)], random),
  ifVersion: ({ random }) => str(pick(['018bcfe5680000005f0c2a17', 'a', ''], random)),
  ifAbsent: ({ random }) => literal(oneIn(2, random)),
  ifExists: ({ random }) => literal(oneIn(2, random)),
  idempotencyKey: ({ random }) => pick([str('a'), str(''), str('a b'), str('a'.repeat(129)), int(1)], random),
  types: ({ random }) => some(random, () => str(pick(TYPES, random))),
  prefixes: ({ random }) =>
    some(random, () => str(pick(['', 'borrow_rate:', 'a*[', 'x'.repeat(600)], random))),
  values: ({ random }) => literal(oneIn(2, random)),
  subscription: ({ random }) => anyId(random),
  token: ({ random }) => str(pick(['', 'rct_a', 'a.b.c'], random)),
};

const USUAL: Readonly<Record<string, readonly string[]>> = {
  get: ['key'],
  mget: ['keys'],
  register: ['keys', 'first'],
  set: ['key', 'value', 'ttl', 'idempotencyKey'],
  delete: ['key', 'ifExists', 'idempotencyKey'],
  subscribe: ['keys', 'types', 'prefixes', 'values'],
  unsubscribe: ['subscription'],
  auth: ['token'],
};

/** A message of the WebSocket API, mostly with the members of its operation. */
export function message(source: Source): Model {
  const { random } = source;
  const op = pick(OPS, random);
  const usual = op === 'mget' && oneIn(2, random) ? ['ids'] : Object.hasOwn(USUAL, op) ? USUAL[op]! : [];
  const names = usual.filter(() => !oneIn(6, random));
  if (oneIn(4, random)) names.push(pick(Object.keys(MEMBERS), random));
  const members = names.map((name): [string, Model] => [name, member(name, source)]);
  if (!oneIn(30, random)) members.push(['id', anyId(random)]);
  if (!oneIn(30, random)) members.push(['op', str(op)]);
  return map(members);
}

/** The bytes of a message, then damaged. */
export function messageBytes(
  source: Source,
  encoding = pick(['json', 'msgpack'] as const, source.random),
): Buffer {
  const { random } = source;
  if (oneIn(300, random)) return Buffer.alloc(pick([65_536, 65_537, 131_073, 140_000], random), '[');
  const model = message(source);
  return mutate(encoding === 'json' ? jsonOf(model, random) : msgpackOf(model), random, WORDS);
}

function member(name: string, source: Source): Model {
  return oneIn(10, source.random) ? source.values.any(source.random) : MEMBERS[name]!(source);
}

function anyId(random: Random): Model {
  return pick(
    [int(below(100, random)), str('book'), str(''), int(-1), { type: 'float', value: 1.5 }, literal(null)],
    random,
  );
}

function some(random: Random, item: () => Model): Model {
  return list(Array.from({ length: oneIn(30, random) ? 60 : below(4, random) }, item));
}
