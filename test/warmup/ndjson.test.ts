import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NdjsonParser } from '../../src/warmup/ndjson.ts';
import type { Item } from '../../src/warmup/record.ts';

test('the text of a value is kept character for character', () => {
  const json = '{ "n": 12345678901234567890, "z": -0, "e": 1e2, "s": "\\ud800\\u0041", "": [ ] }';
  const line = `{"value": ${json} , "ttl":30, "key":"borrow_rate:A"}`;
  assert.deepEqual(read(line), { record: { key: 'borrow_rate:A', json, ttlMs: 30_000 }, line: 7 });
});

test('a line without ttl uses the TTL of its type', () => {
  assert.deepEqual(read('{"key":"k:\\u00e9","value":null}'), {
    record: { key: 'k:é', json: 'null' },
    line: 7,
  });
});

test('any key and any value are read, whatever the spacing and the order', () => {
  const space = fc.constantFrom('', ' ', '\t', '  ');
  const ttl = fc.option(fc.integer({ min: 1, max: 1e6 }), { nil: undefined });
  const key = fc.stringMatching(/^[a-z_"\\😀 /{}:,]{1,20}$/u);
  fc.assert(
    fc.property(key, fc.json(), ttl, space, fc.boolean(), (key, json, ttl, gap, keyFirst) => {
      const members = [`"key"${gap}:${gap}${JSON.stringify(key)}`, `"value"${gap}:${gap}${json}`];
      if (ttl !== undefined) members.push(`"ttl":${ttl}`);
      if (!keyFirst) members.reverse();
      const item = read(`${gap}{${gap}${members.join(`${gap},${gap}`)}${gap}}${gap}`);
      const record = ttl === undefined ? { key, json } : { key, json, ttlMs: ttl * 1000 };
      assert.deepEqual(item, { record, line: 7 });
    }),
  );
});

test('a time to live is rounded to whole milliseconds', () => {
  for (const [ttl, ttlMs] of [
    ['1.005', 1005],
    ['0.0014', 1],
    ['300', 300_000],
    ['1e1', 10_000],
  ] as const)
    assert.deepEqual(read(`{"key":"a","value":1,"ttl":${ttl}}`), {
      record: { key: 'a', json: '1', ttlMs },
      line: 7,
    });
});

test('a blank line is skipped', () => {
  assert.equal(read('  '), undefined);
});

test('each malformed line is a fault with its line and reason', () => {
  const cases: [text: string, reason: RegExp][] = [
    ['{"key":"a","value":1', /^the line is not JSON: /],
    ['{"key":"a","value":1}{"key":"b","value":1}', /^the line is not JSON: /],
    ['["a",1]', /^the line is not a JSON object$/],
    ['null', /^the line is not a JSON object$/],
    ['{"value":1}', /^the member "key" is missing$/],
    ['{"key":"a"}', /^the member "value" is missing$/],
    ['{"key":5,"value":1}', /^the key is not a string$/],
    ['{"key":"","value":1}', /^the key is empty$/],
    ['{"key":"a\\u0000","value":1}', /^the key contains a control character$/],
    ['{"key":"a\\ud800","value":1}', /^the key contains a lone surrogate/],
    ['{"key":"a","value":1,"ttl":0}', /^ttl is "0", expected a number of seconds from 0\.001 to 315360000$/],
    ['{"key":"a","value":1,"ttl":1e300}', /^ttl is "1e300", /],
    ['{"key":"a","value":1,"ttl":0.0001}', /^ttl is "0.0001", /],
    ['{"key":"a","value":1,"ttl":NaN}', /^the line is not JSON: /],
    ['{"key":"a","value":1,"ttl":-1}', /^ttl is "-1", /],
    ['{"key":"a","value":1,"ttl":1e999}', /^ttl is "1e999", /],
    ['{"key":"a","value":1,"ttl":"60"}', /^ttl is "\\"60\\"", /],
    ['{"key":"a","value":1,"ttl":null}', /^ttl is "null", /],
    ['{"key":"a","value":1,"value":2}', /^the member "value" is repeated$/],
    ['{"key":"a","value":1,"tll":60}', /^unknown member "tll"$/],
    ['{"key":"a","value":1,"__proto__":60}', /^unknown member "__proto__"$/],
  ];
  for (const [text, reason] of cases) {
    const item = read(text);
    assert.ok(item !== undefined && 'fault' in item, text);
    assert.equal(item.fault.line, 7);
    assert.match(item.fault.reason, reason);
  }
});

function read(text: string): Item | undefined {
  const items = new NdjsonParser().line(text, 7);
  assert.ok(items.length <= 1);
  return items[0];
}
