import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVERYTHING } from '../../src/cache/match.ts';
import { TYPES, typeIndex } from '../../src/key.ts';
import { announceMatch, parseAnnouncement } from '../../src/redis/announcement.ts';

const parse = (text: string) => parseAnnouncement(text, 512);

const FOREIGN = {
  origin: undefined,
  db: 0,
  reason: 'remote',
  versions: undefined,
  version: undefined,
  deletion: 'done',
} as const;
const [ONE, TWO] = ['018bcfe56800000000000001', '018bcfe56800000100000001'];

test('an announcement of another program names keys, types, a pattern or a bare key', () => {
  const volatility = { type: typeIndex('volatility')! };
  const forms: [string, Pick<NonNullable<ReturnType<typeof parse>>, 'keys' | 'matches'>][] = [
    ['{"keys": ["borrow_rate:AAPL", "k"]}', { keys: ['borrow_rate:AAPL', 'k'], matches: [] }],
    ['{"keys": []}', { keys: [], matches: [] }],
    ['{"types": ["volatility"]}', { keys: [], matches: [volatility] }],
    ['{"pattern": "volatility:*"}', { keys: [], matches: [{ pattern: 'volatility:*' }] }],
    ['borrow_rate:AAPL', { keys: ['borrow_rate:AAPL'], matches: [] }],
    ['clé:é', { keys: ['clé:é'], matches: [] }],
    [
      '{"keys": ["k"], "types": ["volatility", "other"], "pattern": "a?"}',
      { keys: ['k'], matches: [volatility, { type: typeIndex('other')! }, { pattern: 'a?' }] },
    ],
    ['{"keys": ["k"], "sent_by": "a data service"}', { keys: ['k'], matches: [] }],
  ];
  for (const [text, expected] of forms) assert.deepEqual(parse(text), { ...FOREIGN, ...expected }, text);
});

test('the pattern * is recognised as a match of everything', () => {
  assert.equal(parse('{"pattern": "*"}')?.matches[0], EVERYTHING);
});

test('an announcement of a replica carries its origin, reason and versions', () => {
  const text = `{"origin":"5f0c2a17","reason":"set","keys":["a","b"],"versions":["${ONE}","${TWO}"]}`;
  assert.deepEqual(parse(text), {
    origin: '5f0c2a17',
    db: 0,
    reason: 'set',
    keys: ['a', 'b'],
    versions: [ONE, TWO],
    matches: [],
    version: undefined,
    deletion: 'done',
  });
});

test('a match that a replica announces parses as the same match', () => {
  const matches = [...TYPES.keys()].map((type) => ({ type }));
  const announcers = [0, 7].map((db) => ({ origin: '5f0c2a17', db }));
  for (const [i, deletion] of (['begun', 'failed', 'done'] as const).entries())
    for (const match of [...matches, EVERYTHING, { pattern: 'a"b*' }])
      assert.deepEqual(parse(announceMatch(announcers[i % 2]!, match, ONE!, deletion)), {
        ...announcers[i % 2]!,
        reason: 'delete',
        keys: [],
        versions: undefined,
        matches: [match],
        version: ONE,
        deletion,
      });
});

test('any other announcement is malformed', () => {
  const malformed = [
    '',
    ' ',
    'two words',
    'line\nbreak',
    '"borrow_rate:AAPL"',
    '["borrow_rate:AAPL"]',
    '{',
    '{"keys": ["a"]',
    '{}',
    '{"key": "a"}',
    '{"origin": "5f0c2a17", "reason": "set"}',
    '{"keys": "a"}',
    '{"keys": [1]}',
    '{"keys": null}',
    '{"types": ["rates"]}',
    '{"types": "volatility"}',
    '{"pattern": ""}',
    `{"pattern": "${'a'.repeat(1025)}"}`,
    '{"pattern": ["*"]}',
    '{"keys": ["a"], "reason": "because"}',
    '{"keys": ["a"], "origin": 7}',
    '{"keys": ["a"], "versions": [7]}',
    '{"keys": ["a"], "versions": ["01"]}',
    '{"pattern": "a*", "version": "01"}',
    'k'.repeat(513),
    `k${'é'.repeat(256)}`,
  ];
  for (const text of malformed) assert.equal(parse(text), undefined, text);
});
