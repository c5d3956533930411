import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'smol-toml';
import { parseProfile, readProfile } from '../../loadtest/profile-file.ts';
import { asset } from '../../loadtest/report/assets.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const matchesSchema = new Ajv().compile(JSON.parse(asset('load-profile.schema.json')));

const SPIKE = {
  name: 'spike',
  connections: 16,
  rate: [{ seconds: 10, perSecond: 500 }],
  keys: { list: ['borrow_rate:A', 'borrow_rate:B'], weights: [10, 1] },
  mix: [
    { op: 'get', share: 90 },
    { op: 'mget', share: 10, size: 2 },
  ],
};
const SYMBOLS = { ...SPIKE, keys: { symbols: 100 }, mix: [{ op: 'quote', share: 1 }] };

test('a constant rate, a ramp and a spike become stages with their mean rate', () => {
  const { load } = parseProfile(
    JSON.stringify({
      ...SPIKE,
      rate: [
        { seconds: 10, perSecond: 500 },
        { seconds: 10, from: 500, to: 1500 },
        { seconds: 1, perSecond: 3000 },
      ],
    }),
  );
  assert.deepEqual(load.stages, [
    { seconds: 10, from: 500, to: 500 },
    { seconds: 10, from: 500, to: 1500 },
    { seconds: 1, from: 3000, to: 3000 },
  ]);
  assert.deepEqual([load.kind, load.seconds, load.ratePerSecond], ['open', 21, 18_000 / 21]);
});

test('a single constant rate has no stages, so --rate and --seconds can change it', () => {
  const { load } = parseProfile(JSON.stringify(SPIKE));
  assert.deepEqual([load.stages, load.ratePerSecond, load.seconds], [undefined, 500, 10]);
});

test('keys with weights are drawn by their weights, unless a part says otherwise', () => {
  const mix = [...SPIKE.mix, { op: 'get', share: 1, draw: 'uniform' }];
  const { traffic } = parseProfile(JSON.stringify({ ...SPIKE, mix }));
  assert.ok(traffic.kind === 'mix');
  assert.deepEqual(
    traffic.parts.map(({ draw }) => draw),
    ['weighted', 'weighted', 'uniform'],
  );
});

test('latency and errors are always judged, hits only if the file has their gate', () => {
  const gates = { 'hit rate': { fail: 50 }, 'latency p99': { warn: 5, fail: 10 } };
  assert.deepEqual(parseProfile(JSON.stringify(SPIKE)).gates, ['latency', 'errors']);
  const judged = parseProfile(JSON.stringify({ ...SPIKE, gates }));
  assert.deepEqual(judged.gates, ['latency', 'errors', 'hits']);
  assert.deepEqual(judged.limits, { 'hit rate': { failAt: 50 }, 'latency p99': { warnAt: 5, failAt: 10 } });
});

test('the example of the document is a profile, and the published schema accepts it', () => {
  const [, example] = /```json\n(\{\n {2}"\$schema"[\s\S]*?)```/.exec(read('load.md'))!;
  parseProfile(example!);
  assert.ok(matchesSchema(JSON.parse(example!)), JSON.stringify(matchesSchema.errors));
});

test('the example in TOML is the same profile as in JSON, and the published schema accepts it', async () => {
  const example = new URL('../../examples/open-of-market.toml', import.meta.url);
  const [, json] = /```json\n(\{\n {2}"\$schema"[\s\S]*?)```/.exec(read('load.md'))!;
  const [, toml] = /```toml\n([\s\S]*?)```/.exec(read('load.md'))!;
  assert.equal(readFileSync(example, 'utf8').replace('../loadtest/', ''), toml);
  assert.deepEqual(await readProfile(fileURLToPath(example)), parseProfile(json!));
  assert.ok(matchesSchema(parse(toml!)), JSON.stringify(matchesSchema.errors));
});

const INVALID_TOML: readonly [what: string, from: string, to: string, message: RegExp][] = [
  ['a text that is not TOML', 'name = "open-of-market"', 'name = open', /invalid value \(line 2 column 8\)$/],
  ['a repeated member', 'connections = 64', 'connections = 64\nconnections = 65', /line 5 /],
  ['an infinite rate', 'perSecond = 8000', 'perSecond = inf', /rate/],
  ['a date as a name', '"open-of-market"', '2026-11-29', /name/],
  ['a misspelt operation', 'op = "set"', 'op = "put"', /mix\.2\.op/],
];
for (const [what, from, to, message] of INVALID_TOML)
  test(`${what} is an error of a profile in TOML`, () => {
    const [, toml] = /```toml\n([\s\S]*?)```/.exec(read('load.md'))!;
    assert.ok(toml!.includes(from));
    assert.throws(() => parseProfile(toml!.replace(from, to), 'toml'), message);
  });

const INVALID: readonly [what: string, profile: object, message: RegExp][] = [
  ['a misspelt member', { ...SPIKE, gate: {} }, /gate/],
  ['a name with spaces', { ...SPIKE, name: 'a spike' }, /name/],
  ['no rate', { ...SPIKE, rate: [] }, /rate/],
  ['a negative rate', { ...SPIKE, rate: [{ seconds: 1, perSecond: -1 }] }, /rate/],
  ['half a ramp', { ...SPIKE, rate: [{ seconds: 1, from: 1 }] }, /^Error: rate\.0\.to: missing$/],
  [
    'a misspelt member of a stage',
    { ...SPIKE, rate: [SPIKE.rate[0], { seconds: 3, persecond: 50 }] },
    /^Error: rate\.1\.perSecond: missing; rate\.1\.persecond: unknown member here$/,
  ],
  [
    'a stage that is a ramp and constant',
    { ...SPIKE, rate: [{ seconds: 1, perSecond: 2, from: 1, to: 2 }] },
    /^Error: rate\.0\.perSecond: unknown member here$/,
  ],
  ['a stage that is not an object', { ...SPIKE, rate: [500] }, /^Error: rate\.0: .*Expected Object/],
  [
    'a misspelt list',
    { ...SPIKE, keys: { lists: ['borrow_rate:A'] } },
    /^Error: keys\.list: missing; keys\.lists: unknown member here$/,
  ],
  [
    'a list next to symbols',
    { ...SPIKE, keys: { symbols: 10, list: ['borrow_rate:A'] } },
    /^Error: keys\.list: unknown member here$/,
  ],
  ['an empty key', { ...SPIKE, keys: { list: ['borrow_rate:A', ''] } }, /^Error: keys\.list\.1: .*length/],
  ['no keys', { ...SPIKE, keys: undefined }, /^Error: keys: missing$/],
  ['an unknown operation', { ...SPIKE, mix: [{ op: 'scan', share: 1 }] }, /mix\.0\.op/],
  ['a share of 0', { ...SPIKE, mix: [{ op: 'get', share: 0 }] }, /mix\.0\.share/],
  ['an empty list of keys', { ...SPIKE, keys: { list: [] } }, /keys/],
  ['an unknown gate', { ...SPIKE, gates: { 'latency p42': { fail: 1 } } }, /latency p42/],
];
for (const [what, profile, message] of INVALID)
  test(`${what} is an error, for the command and for the published schema`, () => {
    assert.throws(() => parseProfile(JSON.stringify(profile)), message);
    assert.equal(matchesSchema(profile), false);
  });

const gate = (name: string, warn: number, fail: number) => ({ ...SPIKE, gates: { [name]: { warn, fail } } });

const CONTRADICTIONS: readonly [what: string, profile: object, message: RegExp][] = [
  ['mget without a list', { ...SYMBOLS, mix: SPIKE.mix }, /mget needs keys\.list/],
  ['a quote of listed keys', { ...SPIKE, mix: SYMBOLS.mix }, /quote needs keys\.symbols/],
  ['too few weights', { ...SPIKE, keys: { ...SPIKE.keys, weights: [1] } }, /one weight for each key/],
  [
    'a warning above the failure',
    gate('latency p99', 100, 50),
    /gates\.latency p99: warn must be below fail/,
  ],
  ['a warning at the failure', gate('error rate', 5, 5), /gates\.error rate: warn must be below fail/],
  ['a warning below a least value', gate('hit rate', 80, 90), /gates\.hit rate: warn must be above fail/],
  ['a rate of 0 throughout', { ...SPIKE, rate: [{ seconds: 1, perSecond: 0 }] }, /no stage sends a request/],
];
for (const [what, profile, message] of CONTRADICTIONS)
  test(`${what} is an error`, () => {
    assert.throws(() => parseProfile(JSON.stringify(profile)), message);
  });
