/**
 * Profiles as JSON or TOML files that users write. `load-profile.schema.json` describes the same form for editors; a
 * test holds both together.
 */
import { readFile } from 'node:fs/promises';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { type GateLimits, goodSideOf } from './gates.ts';
import { DATA_TYPES, type Part, type Profile } from './profile.ts';
import type { Load, Stage } from './result.ts';

/** Keys of an `mget`. */
export const MOST_BATCH = 1_000;
export const MOST_VALUE_BYTES = 16_777_216;

// TOML has infinite numbers.
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const whole = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

const limit = v.strictObject({ warn: v.optional(notNegative), fail: notNegative });

// Not v.union, whose issue names no member of a variant. A stage with the members of both is an invalid ramp.
const constant = v.strictObject({ seconds: positive, perSecond: notNegative });
const ramp = v.strictObject({ seconds: positive, from: notNegative, to: notNegative });
const stage = v.lazy((input) => (hasAny(input, 'from', 'to') ? ramp : constant));

const part = v.strictObject({
  op: v.picklist(['get', 'mget', 'quote', 'set', 'delete', 'invalidate']),
  share: positive,
  type: v.optional(v.picklist(DATA_TYPES)),
  size: v.optional(whole(MOST_BATCH)),
  draw: v.optional(v.picklist(['zipf', 'uniform', 'weighted'])),
});

const key = v.pipe(v.string(), v.minLength(1));

const symbols = v.strictObject({
  symbols: whole(1_000_000),
  valueBytes: v.optional(whole(MOST_VALUE_BYTES)),
});
const listed = v.strictObject({
  list: v.pipe(v.array(key), v.minLength(1)),
  weights: v.optional(v.array(positive)),
  valueBytes: v.optional(whole(MOST_VALUE_BYTES)),
});

function hasAny(input: unknown, ...members: readonly string[]): boolean {
  return typeof input === 'object' && input !== null && members.some((member) => member in input);
}

const file = v.strictObject({
  $schema: v.optional(v.string()),
  name: v.pipe(v.string(), v.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)),
  question: v.optional(v.string()),
  over: v.optional(v.picklist(['http', 'websocket'])),
  connections: whole(10_000),
  warmupSeconds: v.optional(notNegative),
  rate: v.pipe(v.array(stage), v.minLength(1)),
  keys: v.lazy((input) => (hasAny(input, 'symbols') ? symbols : listed)),
  mix: v.pipe(v.array(part), v.minLength(1)),
  gates: v.optional(
    v.strictObject({
      'latency p95': v.optional(limit),
      'latency p99': v.optional(limit),
      'error rate': v.optional(limit),
      'hit rate': v.optional(limit),
      samples: v.optional(limit),
    }),
  ),
});

export type ProfileFile = v.InferOutput<typeof file>;

/** @throws with the path of the file and every fault, with line and column if the text cannot be parsed */
export async function readProfile(path: string): Promise<Profile> {
  try {
    return parseProfile(await readFile(path, 'utf8'), path.endsWith('.toml') ? 'toml' : 'json');
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

/** @throws if the text is not a profile */
export function parseProfile(text: string, format: 'json' | 'toml' = 'json'): Profile {
  const { success, output, issues } = v.safeParse(
    file,
    format === 'toml' ? parsedToml(text) : JSON.parse(text),
  );
  if (!success)
    throw new Error(
      issues.map((issue) => `${v.getDotPath(issue) ?? 'the file'}: ${faultOf(issue)}`).join('; '),
    );
  return profileOf(output);
}

/** The message of valibot, except where it does not say that a member is missing or unknown. */
function faultOf({ type, expected, received, message }: v.InferIssue<typeof file>): string {
  if (type !== 'strict_object') return message;
  if (expected === 'never') return 'unknown member here';
  return received === 'undefined' ? 'missing' : message;
}

/** @throws with line and column, as `JSON.parse` does */
function parsedToml(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The other lines of the message repeat the text.
    const [reason] = error.message.split('\n');
    throw new Error(`${reason} (line ${error.line} column ${error.column})`);
  }
}

function profileOf({
  name,
  question,
  over = 'http',
  rate,
  keys,
  mix,
  gates = {},
  ...load
}: ProfileFile): Profile {
  const parts = mix.map((each) => partOf(each, keys));
  const listed =
    'list' in keys ? { keys: keys.list, ...(keys.weights && { weights: keys.weights }) } : undefined;
  if (listed?.weights !== undefined && listed.weights.length !== listed.keys.length)
    throw new Error('keys.weights: there must be one weight for each key of keys.list');
  if (over === 'websocket' && parts.some(({ op }) => op === 'invalidate'))
    throw new Error('mix: invalidate is not possible over websocket');
  const types = new Set(
    parts.flatMap(({ op, type = 'borrow_rate' }) => (op === 'quote' ? DATA_TYPES : [type])),
  );
  return {
    name,
    question: question ?? `How does the service answer the load of ${name}?`,
    load: loadOf(load, rate),
    data: {
      ...('list' in keys ? { symbols: 0, types: [] } : { symbols: keys.symbols, types: [...types] }),
      ...(listed && { listed }),
      ...(keys.valueBytes !== undefined && { valueBytes: keys.valueBytes }),
    },
    traffic: { kind: 'mix', over, parts },
    gates: ['latency', 'errors', ...('hit rate' in gates ? (['hits'] as const) : [])],
    limits: limitsOf(gates),
  };
}

function limitsOf(gates: NonNullable<ProfileFile['gates']>): GateLimits {
  const limits: [gate: string, GateLimits[string]][] = [];
  for (const [gate, each] of Object.entries(gates)) {
    if (each === undefined) continue;
    const { warn, fail } = each;
    const side = goodSideOf(gate);
    if (warn !== undefined && (side === 'below' ? warn >= fail : warn <= fail))
      throw new Error(`gates.${gate}: warn must be ${side} fail, or the gate never warns`);
    limits.push([gate, { failAt: fail, ...(warn !== undefined && { warnAt: warn }) }]);
  }
  return Object.fromEntries(limits);
}

function loadOf(
  { connections, warmupSeconds = 2 }: Pick<ProfileFile, 'connections' | 'warmupSeconds'>,
  rate: ProfileFile['rate'],
): Load {
  const stages = rate.map((each): Stage => {
    if ('from' in each) return each;
    return { seconds: each.seconds, from: each.perSecond, to: each.perSecond };
  });
  const seconds = stages.reduce((sum, each) => sum + each.seconds, 0);
  const requests = stages.reduce((sum, each) => sum + ((each.from + each.to) / 2) * each.seconds, 0);
  if (requests < 1) throw new Error('rate: no stage sends a request');
  const isSteady = stages.length === 1 && stages[0]!.from === stages[0]!.to;
  return {
    kind: 'open',
    connections,
    ratePerSecond: requests / seconds,
    warmupSeconds,
    seconds,
    ...(isSteady ? {} : { stages }),
  };
}

const OF_LISTS: readonly Part['op'][] = ['mget', 'delete'];
const OF_SYMBOLS: readonly Part['op'][] = ['quote', 'invalidate'];

function partOf(
  { op, share, type, size, draw }: ProfileFile['mix'][number],
  keys: ProfileFile['keys'],
): Part {
  const isList = 'list' in keys;
  if (!isList && OF_LISTS.includes(op)) throw new Error(`mix: ${op} needs keys.list`);
  if (isList && OF_SYMBOLS.includes(op)) throw new Error(`mix: ${op} needs keys.symbols`);
  if (isList && type !== undefined)
    throw new Error('mix: type needs keys.symbols, because keys of a list have their type');
  if (draw === 'weighted' && !(isList && keys.weights !== undefined))
    throw new Error('mix: draw "weighted" needs keys.weights');
  if (size !== undefined && op !== 'mget') throw new Error('mix: size is only for mget');
  const usual = isList && keys.weights !== undefined ? 'weighted' : 'zipf';
  return {
    op,
    share,
    draw: draw ?? usual,
    ...(type !== undefined && { type }),
    ...(size !== undefined && { size }),
  };
}
