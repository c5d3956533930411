/** The kinds of use that `make capacity` measures. */
import { readFile } from 'node:fs/promises';
import { DATA_TYPES, type Data, type Part, type Profile, QUOTE_TYPES } from '../profile.ts';
import type { Scenario } from './scenario.ts';

const RATES: Data = { symbols: 2_000, types: ['borrow_rate'] };
const QUOTES: Data = { symbols: 2_000, types: QUOTE_TYPES };
/** L1 has room for all these keys, so that only the scenario causes misses. */
const ROOMY = { LOCAL_CACHE_MAX_SIZE: '50000', LOCAL_CACHE_TTL: '3600' };
const GATES: Profile['gates'] = ['latency', 'errors', 'hits'];
const CONNECTIONS = 64;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'l1',
    question: 'How many reads a second does one instance answer from L1 over HTTP?',
    profile: { data: RATES, traffic: mix('http', 'get'), gates: GATES, env: ROOMY },
    connections: CONNECTIONS,
    startRate: 4_000,
  },
  {
    name: 'l2',
    question: 'How many reads a second does one instance answer from Redis over HTTP?',
    profile: {
      data: RATES,
      traffic: mix('http', 'get'),
      gates: GATES,
      env: { ENABLE_LOCAL_CACHE: 'false' },
    },
    connections: CONNECTIONS,
    startRate: 2_000,
  },
  {
    name: 'mget',
    question: 'How many quotes of five keys does one instance answer a second over HTTP?',
    profile: { data: QUOTES, traffic: mix('http', 'quote'), gates: GATES, env: ROOMY },
    connections: CONNECTIONS,
    startRate: 2_000,
  },
  {
    name: 'websocket',
    question: 'How many reads a second does one instance answer over WebSocket?',
    profile: { data: RATES, traffic: mix('websocket', 'get'), gates: GATES, env: ROOMY },
    connections: CONNECTIONS,
    startRate: 4_000,
  },
];

/** The scenarios of these names. @throws for an unknown name */
export function scenariosNamed(names: readonly string[]): Scenario[] {
  return names.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario.name === name);
    if (found === undefined)
      throw new Error(`unknown scenario ${name}; known are ${SCENARIOS.map((each) => each.name).join(', ')}`);
    return found;
  });
}

const OPS: readonly Part['op'][] = ['get', 'set', 'quote', 'invalidate'];

/**
 * A mix from a JSON file: `{"over": "http", "symbols": 2000, "parts": [{"op": "get", "share": 95, "draw": "zipf"},
 * {"op": "set", "share": 5, "draw": "zipf"}]}`; `env` sets variables of the service.
 * @throws for an invalid file
 */
export async function mixFrom(path: string): Promise<Scenario> {
  return mixOf(path, JSON.parse(await readFile(path, 'utf8')));
}

/** @throws for an invalid mix */
export function mixOf(name: string, mix: unknown): Scenario {
  const fault = (what: string) => new Error(`${name}: ${what}`);
  if (typeof mix !== 'object' || mix === null) throw fault('the file must contain a JSON object');
  const {
    over = 'http',
    symbols = 2_000,
    parts,
    env = {},
    connections = CONNECTIONS,
  } = mix as Record<string, unknown>;
  if (over !== 'http' && over !== 'websocket') throw fault('`over` must be http or websocket');
  if (!isCount(symbols) || !isCount(connections))
    throw fault('`symbols` and `connections` must be whole numbers above 0');
  if (!Array.isArray(parts) || parts.length === 0)
    throw fault('`parts` must be a list with at least one part');
  const checked = parts.map((part): Part => {
    const { op, share, draw = 'zipf', type = 'borrow_rate' } = part ?? {};
    if (!OPS.includes(op)) throw fault(`\`op\` must be one of ${OPS.join(', ')}`);
    if (!DATA_TYPES.includes(type)) throw fault(`\`type\` must be one of ${DATA_TYPES.join(', ')}`);
    if (draw !== 'zipf' && draw !== 'uniform') throw fault('`draw` must be zipf or uniform');
    if (!(typeof share === 'number' && share > 0)) throw fault('`share` must be a number above 0');
    return { op, share, draw, type };
  });
  if (over === 'websocket' && checked.some(({ op }) => op === 'invalidate'))
    throw fault('`invalidate` is not available over WebSocket');
  const variables = Object.entries(env ?? {}).map(([key, value]) => [key, String(value)]);
  const types = checked.flatMap(({ op, type }) => (op === 'quote' ? QUOTES.types : [type!]));
  return {
    name: 'mix',
    question: `How many requests a second of ${checked.map(({ op, share }) => `${share} ${op}`).join(', ')} does one instance answer?`,
    profile: {
      data: { symbols, types: [...new Set(types)] },
      traffic: { kind: 'mix', over, parts: checked },
      gates: checked.some(({ op }) => op === 'get' || op === 'quote') ? GATES : ['latency', 'errors'],
      env: { ...ROOMY, ...Object.fromEntries(variables) },
    },
    connections,
    startRate: 2_000,
  };
}

function mix(over: 'http' | 'websocket', op: 'get' | 'quote'): Profile['traffic'] {
  return { kind: 'mix', over, parts: [{ op, share: 1, draw: 'zipf' }] };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}
