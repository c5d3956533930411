import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Malformed } from '../../src/codec/errors.ts';
import { elements, member, members, readString, skip } from '../../src/codec/json-read.ts';
import { choices, model, spelled } from './arbitraries.ts';

describe('members and elements', () => {
  it('return the trimmed text of each value in order, as JSON.parse reads it', () => {
    fc.assert(
      fc.property(model, choices, (value, picks) => {
        const text = spelled(value, picks);
        if (value.type === 'map') {
          const found = [...members(text, 0)];
          assert.deepEqual(
            found.map(([name]) => name),
            value.members.map(([name]) => name),
          );
          const parsed = JSON.parse(text) as object;
          for (const [name, start, end] of found) {
            const own = Object.getOwnPropertyDescriptor(parsed, name);
            assert.deepEqual(JSON.parse(text.slice(start, end)), own?.value);
            assert.equal(text.slice(start, end).trim().length, end - start);
          }
          assert.equal(found.length, Object.keys(parsed).length);
        } else if (value.type === 'array') {
          const spans = [...elements(text, 0)];
          assert.deepEqual(
            spans.map(([start, end]) => JSON.parse(text.slice(start, end))),
            JSON.parse(text),
          );
        } else {
          assert.throws(() => [...members(text, 0)], Malformed);
          assert.throws(() => [...elements(text, 0)], Malformed);
        }
      }),
    );
  });

  it('keep the exact text of every value of a batch', () => {
    const body = `
      { "entries" : [
          {"key":"a","value": 1.0 ,"ttl":60},
          { "value" : {"x" : [ 9007199254740993, "}]\\"" ]}, "key" : "b\\u0020c" },
          {"value":-0,"key":""}
      ] }`;
    const entries = member(body, 0, 'entries');
    assert.ok(entries !== undefined);
    const read = [...elements(body, entries[0])].map(([start]) => {
      const key = member(body, start, 'key');
      const value = member(body, start, 'value');
      return [key && readString(body, key[0]), value && body.slice(...value)];
    });
    assert.deepEqual(read, [
      ['a', '1.0'],
      ['b c', '{"x" : [ 9007199254740993, "}]\\"" ]}'],
      ['', '-0'],
    ]);
    assert.equal(member(body, 0, 'keys'), undefined);
  });

  it('return a repeated name every time, and member uses the last, as JSON.parse does', () => {
    const text = '{"a":1,"\\u0061":2,"__proto__":3}';
    assert.deepEqual(
      [...members(text, 0)].map(([name]) => name),
      ['a', 'a', '__proto__'],
    );
    const span = member(text, 0, 'a');
    assert.equal(span && text.slice(...span), '2');
  });

  it('return nothing for an empty object or array', () => {
    assert.deepEqual([...members(' { \n } ', 0)], []);
    assert.deepEqual([...elements('[\t]', 0)], []);
  });

  it('unescape names, including lone surrogates', () => {
    const [first] = members('{"\\ud83e\\n":1}', 0);
    assert.equal(first?.[0], '\ud83e\n');
  });
});

describe('readString', () => {
  it('throws Malformed for an invalid escape', () => {
    for (const text of ['"\\u040"', '"\\x"', '"\\ud83\\n"'])
      assert.throws(() => readString(text, 0), Malformed, text);
  });
});

describe('skip', () => {
  it('returns the end of each kind of value', () => {
    for (const value of [
      '1',
      '-1.5e+3',
      'true',
      'null',
      '""',
      '"\\\\"',
      '"\\\\\\""',
      '[]',
      '{"]":"}"}',
      '[[],{}]',
    ]) {
      for (const after of ['', ',', ' ', '\n]', '}', '\t,"x"']) {
        assert.equal(skip(`[${value}${after}`, 1), 1 + value.length, value + after);
      }
    }
  });

  it('skips deep nesting and long strings without recursion', () => {
    const deep = '['.repeat(500_000) + ']'.repeat(500_000);
    assert.equal(skip(deep, 0), deep.length);
    const long = JSON.stringify(['\\"'.repeat(150_000), '"']);
    assert.equal(skip(long, 0), long.length);
  });

  it('returns or throws Malformed for text that is not JSON', () => {
    const pieces = fc.constantFrom('[', ']', '{', '}', '"', '\\', '\\u04', ',', ':', ' ', '1', 'é');
    fc.assert(
      fc.property(fc.string({ unit: pieces, maxLength: 30 }), (text) => {
        for (const read of [() => skip(text, 0), () => [...members(text, 0)], () => [...elements(text, 0)]]) {
          try {
            read();
          } catch (error) {
            assert.ok(error instanceof Malformed, String(error));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
