/** The values and requests of a profile that lists its keys. */
import type { Data, Listed, Part } from '../profile.ts';
import { below, type Random } from '../support/random.ts';
import { TTL_SECONDS } from './data-set.ts';
import type { Encode, Prepared } from './prepared.ts';
import { weighted } from './weighted.ts';
import { zipf } from './zipf.ts';

/** Size of a value, if the profile does not have it. */
const USUAL_BYTES = 250;

/** The values as lines for `warmup --format ndjson`. */
export function* listedNdjson({ valueBytes }: Data, { keys }: Listed): Generator<string> {
  for (const key of new Set(keys))
    yield `{"key":${JSON.stringify(key)},"value":${jsonValue(valueBytes)},"ttl":${TTL_SECONDS}}\n`;
}

/** Returns a function that draws keys for a part and makes its request. */
export function listedRequest(
  { valueBytes }: Data,
  { keys, weights }: Listed,
  encode: Encode,
  random: Random,
): (part: Part) => Prepared {
  const draws = {
    zipf: zipf(keys.length, random),
    uniform: () => below(keys.length, random),
    weighted: weighted(weights ?? keys.map(() => 1), random),
  };
  const value = jsonValue(valueBytes);
  const made = new Map<string, Prepared>();
  const once = (op: Part['op'], key: string, make: () => Prepared): Prepared => {
    const name = `${op} ${key}`;
    const known = made.get(name) ?? make();
    made.set(name, known);
    return known;
  };
  return ({ op, draw, size = 1 }) => {
    const key = () => keys[draws[draw]()]!;
    const drawn = key();
    switch (op) {
      case 'get':
        return once(op, drawn, () => encode.get(drawn));
      case 'set':
        return once(op, drawn, () => encode.set(drawn, value));
      case 'delete':
        return once(op, drawn, () => encode.delete(drawn));
      case 'mget':
        return encode.mget([drawn, ...Array.from({ length: size - 1 }, key)]);
      default:
        throw new Error(`${op} needs symbols, and this profile lists its keys`);
    }
  };
}

/** A JSON string with this size, quotes included. */
function jsonValue(bytes = USUAL_BYTES): string {
  return `"${'v'.repeat(Math.max(0, bytes - 2))}"`;
}
