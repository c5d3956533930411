import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { starsIn } from '../../src/cache/glob.ts';
import { EVERYTHING, globOf, matcher } from '../../src/cache/match.ts';
import { OTHER, TYPES, typeOf } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { connect } from '../../src/redis/connect.ts';

const redis = await startRedis();
const client = connect(
  {
    host: '127.0.0.1',
    port: redis.port,
    username: undefined,
    password: undefined,
    db: 0,
    connectTimeoutMs: 1_000,
  },
  'test',
  new Counters(),
);
await new Promise((resolve) => client.once('ready', resolve));
after(async () => {
  client.disconnect();
  await redis.stop();
});

const cases: readonly (readonly [pattern: string, fits: readonly string[], fitsNot: readonly string[]])[] = [
  ['', [''], ['a']],
  ['*', ['', 'a', 'abc'], []],
  ['abc', ['abc'], ['', 'ab', 'abcd', 'ABC']],
  ['a*', ['a', 'ab', 'a*'], ['', 'ba']],
  ['*a', ['a', 'ba', 'aba'], ['ab']],
  ['a*b*c', ['abc', 'a1b2c', 'abbcc'], ['ab', 'acb']],
  ['a**b', ['ab', 'axb'], ['a']],
  ['a?c', ['abc', 'a?c', 'a*c'], ['ac', 'abbc']],
  ['???', ['abc'], ['ab', 'abcd']],
  ['borrow_rate:*', ['borrow_rate:', 'borrow_rate:AAPL'], ['borrow_rates:X', 'volatility:A']],
  ['[abc]', ['a', 'b', 'c'], ['d', '', 'ab', '[abc]']],
  ['[a-c]x', ['ax', 'bx', 'cx'], ['dx', '-x']],
  ['[c-a]x', ['ax', 'bx', 'cx'], ['dx']],
  ['[^a-c]', ['d', '-', '^'], ['a', 'b', 'c', '']],
  ['[a^]', ['a', '^'], ['b']],
  ['[a-]', [], ['b']],
  ['[-a]', ['-', 'a'], ['b']],
  ['[\\]]', [']'], ['\\', 'a']],
  ['[\\-a]', ['-', 'a'], ['\\']],
  ['[abc', ['a', 'b', 'c'], ['d', 'abc']],
  ['[', [], ['[', 'a']],
  ['[^', ['a', '['], ['', 'ab']],
  ['[]', [], ['', 'a', '[]']],
  ['[^]', ['a'], ['']],
  ['\\*', ['*'], ['a', '\\*']],
  ['\\?\\[\\\\', ['?[\\'], ['a[\\']],
  ['\\a', ['a'], ['\\a']],
  ['a\\', ['a\\'], ['a']],
  ['🦊*', ['🦊', '🦊x'], ['x🦊']],
  ['*é', ['é', 'caf\u00e9'], ['e']],
];

const globMatches = (pattern: string, text: string) => matcher({ pattern })(text);

for (const [pattern, fits, fitsNot] of cases) {
  test(`the glob ${pattern || '(empty)'} matches ${fits.length} texts and does not match ${fitsNot.length} others`, () => {
    for (const text of fits) assert.equal(globMatches(pattern, text), true, `should match ${text}`);
    for (const text of fitsNot) assert.equal(globMatches(pattern, text), false, `should not match ${text}`);
  });
}

// A key is never empty, and the pattern sent to SCAN begins with the store's prefix.
async function redisFits(pattern: string, texts: readonly string[]): Promise<Set<string>> {
  await client.flushdb();
  await client.mset(texts.flatMap((text) => [`p:${text}`, '']));
  const [, keys] = await client.scan(0, 'MATCH', `p:${pattern}`, 'COUNT', 1000);
  return new Set(keys.map((key) => key.slice(2)));
}

test('a glob matches exactly the keys that SCAN MATCH returns', async () => {
  const over = (alphabet: string, maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength });
  await fc.assert(
    fc.asyncProperty(
      over('abc*?[]^-\\', 10),
      fc.uniqueArray(over('abcd*?[]^-\\', 6), { minLength: 1, maxLength: 40 }),
      async (pattern, texts) => {
        const found = await redisFits(pattern, texts);
        for (const text of texts)
          assert.equal(globMatches(pattern, text), found.has(text), `${pattern} against ${text}`);
      },
    ),
    { numRuns: 1500 },
  );
});

test('a glob matches bytes of characters beyond ASCII, as SCAN MATCH does', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', 'ж', '€', '🦊'), maxLength: 4 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'é', '€', '🦊', '*', '?', '??'), maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      pattern,
      fc.uniqueArray(text, { minLength: 1, maxLength: 30 }),
      async (pattern, texts) => {
        const found = await redisFits(pattern, texts);
        for (const text of texts)
          assert.equal(globMatches(pattern, text), found.has(text), `${pattern} against ${text}`);
      },
    ),
    { numRuns: 300 },
  );
});

test('a long part between two stars matches exactly the keys that SCAN MATCH returns', async () => {
  const elements = fc.array(fc.constantFrom('a', 'a', 'a', 'b', '?', '[ab]', '[^b]'), {
    minLength: 30,
    maxLength: 70,
  });
  const text = fc.string({ unit: fc.constantFrom('a', 'a', 'a', 'b'), minLength: 25, maxLength: 120 });
  await fc.assert(
    fc.asyncProperty(
      elements,
      fc.uniqueArray(text, { minLength: 1, maxLength: 30 }),
      async (parts, texts) => {
        const pattern = `*${parts.join('')}*b*`;
        const found = await redisFits(pattern, texts);
        for (const each of texts)
          assert.equal(globMatches(pattern, each), found.has(each), `${pattern} against ${each}`);
      },
    ),
    { numRuns: 200 },
  );
});

const HOSTILE: Readonly<Record<string, readonly [pattern: string, text: string]>> = {
  'many stars': [`${'*a'.repeat(500)}*b`, 'a'.repeat(512)],
  'many classes': [`${'*[^b]'.repeat(200)}*b`, 'a'.repeat(512)],
  'a class of 1,020 characters': [`*[${'b'.repeat(1_020)}z]`, 'a'.repeat(512)],
  'a long run before another end': [`*${'a'.repeat(250)}b`, 'a'.repeat(512)],
  'a long run between stars': [`*${'a'.repeat(250)}b*`, 'a'.repeat(512)],
};

for (const [what, [pattern, text]] of Object.entries(HOSTILE))
  test(`a pattern with ${what} tests 2,000 keys of 512 bytes within a second of CPU time`, () => {
    const matches = matcher({ pattern });
    const before = process.cpuUsage();
    for (let i = 0; i < 2_000; i++) assert.equal(matches(text), false);
    // A search that backtracks takes several seconds. Waiting for other programs costs no CPU time.
    assert.ok(process.cpuUsage(before).user < 1_000_000, `${process.cpuUsage(before).user} µs`);
  });

test('the number of stars counts runs of stars, not escaped stars or stars in a class', () => {
  for (const [pattern, stars] of [
    ['abc', 0],
    ['*', 1],
    ['a***', 1],
    ['*a**b*', 3],
    ['a\\*[*]*', 1],
    ['', 0],
    ['**', 1],
  ] as const)
    assert.equal(starsIn(pattern), stars, pattern);
});

test('the glob that Redis receives has one star, at its end, or none', () => {
  for (const [pattern, glob] of [
    ['abc', 'abc'],
    ['a?', 'a*'],
    ['a*', 'a*'],
    ['*a*b', '*'],
    ['volatility:A*[bc]', 'volatility:A*'],
    ['a\\*b?', 'a\\*b*'],
    ['a\\', 'a\\\\'],
  ] as const)
    assert.equal(globOf({ pattern }), glob, pattern);
});

test('a match by type matches only the keys of that type, and its glob finds all of them', () => {
  const keys = [...TYPES.map((type) => `${type}:X`), 'plain', 'borrow_rates:X', 'broker', '🦊'];
  for (const type of TYPES.keys()) {
    const matches = matcher({ type });
    for (const key of keys) {
      assert.equal(matches(key), typeOf(key) === type, key);
      if (matches(key)) assert.equal(globMatches(globOf({ type }), key), true, key);
    }
  }
  assert.equal(globOf({ type: 0 }), 'borrow_rate:*');
  assert.equal(globOf({ type: OTHER }), '*');
});

test('a match by pattern tests the whole glob, and EVERYTHING matches every key', () => {
  assert.equal(matcher({ pattern: 'a?' })('ab'), true);
  assert.equal(matcher({ pattern: 'a?' })('abc'), false);
  for (const key of ['a', '🦊', 'constructor']) assert.equal(matcher(EVERYTHING)(key), true);
});
