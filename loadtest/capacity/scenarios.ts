/** The shapes of use that `make capacity` looks for the knee of. */
import { readFile } from 'node:fs/promises';
import { DATA_TYPES, type Data, type Part, type Profile, QUOTE_TYPES } from '../profile.ts';
import type { Scenario } from './scenario.ts';

const RATES: Data = { symbols: 2_000, types: ['borrow_rate'] };
const QUOTES: Data = { symbols: 2_000, types: QUOTE_TYPES };
/** Room for all of the above, so that a read that misses is the scenario's own doing. */
const ROOMY = { LOCAL_CACHE_MAX_SIZE: '50000', LOCAL_CACHE_TTL: '3600' };
const GATES: Profile['gates'] = ['latency', 'errors', 'hits'];
const CONNECTIONS = 64;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'l1',
    question: 'How many reads a second that L1 answers does one instance take over HTTP?',
    profile: { data: RATES, traffic: mix('http', 'get'), gates: GATES, env: ROOMY },
    connections: CONNECTIONS,
    startRate: 4_000,
  },
  {
    name: 'l2',
    question: 'How many reads a second that Redis answers does one instance take over HTTP?',
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
    question: 'How many quotes a second, of five keys each, does one instance take over HTTP?',
    profile: { data: QUOTES, traffic: mix('http', 'quote'), gates: GATES, env: ROOMY },
    connections: CONNECTIONS,
    startRate: 2_000,
  },
  {
    name: 'websocket',
    question: 'How many reads a second does one instance take over WebSocket?',
    profile: { data: RATES, traffic: mix('websocket', 'get'), gates: GATES, env: ROOMY },
    connections: CONNECTIONS,
    startRate: 4_000,
  },
];

/** Those of these names. @throws where there is no such scenario */
export function scenariosNamed(names: readonly string[]): Scenario[] {
  return names.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario.name === name);
    if (found === undefined)
      throw new Error(
        `no scenario is named ${name}; there are ${SCENARIOS.map((each) => each.name).join(', ')}`,
      );
    return found;
  });
}

const OPS: readonly Part['op'][] = ['get', 'set', 'quote', 'invalidate'];

/**
 * A mix from a JSON file: `{"over": "http", "symbols": 2000, "parts": [{"op": "get", "share": 95, "draw": "zipf"},
 * {"op": "set", "share": 5, "draw": "zipf"}]}`; `env` holds variables of the service.
 * @throws where the file is not that
 */
export async function mixFrom(path: string): Promise<Scenario> {
  return mixOf(path, JSON.parse(await readFile(path, 'utf8')));
}

/** @throws where it is no mix */
export function mixOf(name: string, mix: unknown): Scenario {
  const fault = (what: string) => new Error(`${name}: ${what}`);
  if (typeof mix !== 'object' || mix === null) throw fault('is no JSON object');
  const {
    over = 'http',
    symbols = 2_000,
    parts,
    env = {},
    connections = CONNECTIONS,
  } = mix as Record<string, unknown>;
  if (over !== 'http' && over !== 'websocket') throw fault('`over` is neither http nor websocket');
  if (!isCount(symbols) || !isCount(connections))
    throw fault('`symbols` and `connections` are whole numbers over 0');
  if (!Array.isArray(parts) || parts.length === 0) throw fault('`parts` is no list, or an empty one');
  const checked = parts.map((part): Part => {
    const { op, share, draw = 'zipf', type = 'borrow_rate' } = part ?? {};
    if (!OPS.includes(op)) throw fault(`\`op\` is none of ${OPS.join(', ')}`);
    if (!DATA_TYPES.includes(type)) throw fault(`\`type\` is none of ${DATA_TYPES.join(', ')}`);
    if (draw !== 'zipf' && draw !== 'uniform') throw fault('`draw` is neither zipf nor uniform');
    if (!(typeof share === 'number' && share > 0)) throw fault('`share` is no number over 0');
    return { op, share, draw, type };
  });
  if (over === 'websocket' && checked.some(({ op }) => op === 'invalidate'))
    throw fault('`invalidate` is not to be had over WebSocket');
  const variables = Object.entries(env ?? {}).map(([key, value]) => [key, String(value)]);
  const types = checked.flatMap(({ op, type }) => (op === 'quote' ? QUOTES.types : [type!]));
  return {
    name: 'mix',
    question: `How many requests a second of ${checked.map(({ op, share }) => `${share} ${op}`).join(', ')} does one instance take?`,
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
