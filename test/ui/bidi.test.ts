import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json, keyed, marked, named, sentence, unmarked } from '../../src/ui/bidi.ts';

/** The markers as characters that can be seen: `<` and `[` begin, `>` ends. */
const seen = (text: string) =>
  text.replaceAll('\u2068', '<').replaceAll('\u2066', '[').replaceAll('\u2069', '>');

test('a text without right-to-left characters has no markers', () => {
  const text = '{"borrow_rate:日本:1": "é 😀"}';
  for (const show of [named, keyed, sentence, json]) assert.equal(show(text), text);
});

test('each part of a key is isolated, so that its parts stay in their order', () => {
  assert.equal(seen(keyed('borrow_rate:שלום:123')), '[borrow_rate:<שלום>:123>');
  assert.equal(seen(keyed('سعر:غزة')), '[<سعر>:<غزة>>');
  assert.equal(seen(named('שלום: עולם 1')), '<שלום: עולם 1>');
});

test('each string of JSON is isolated, also one that was cut', () => {
  assert.equal(seen(json('{"שם": ["א\\"ב", 12, "x"]}')), '{<"שם">: [<"א\\"ב">, 12, "x"]}');
  assert.equal(seen(json('["אב…')), '[<"אב…>');
});

test('keys and reasons within a sentence of the service are isolated, without the punctuation after them', () => {
  assert.equal(
    seen(sentence('Its input borrow_rate:א:1 has changed: אין נתונים. 12 more.')),
    'Its input [borrow_rate:<א>:1> has changed: <אין נתונים>. 12 more.',
  );
  assert.equal(seen(sentence('Suspect: אין 5 דקות, since 7 א.')), 'Suspect: <אין 5 דקות>, since 7 [<א>>.');
});

test('data cannot contain markers', () => {
  for (const show of [named, keyed, sentence, json])
    assert.equal(seen(show('a\u2069\u2068\u2066b')), 'a\\u{2069}\\u{2068}\\u{2066}b');
});

test('marked texts are read as a tree, and markers that do not match end with the text', () => {
  const text = keyed('a:א:1');
  assert.equal(unmarked(text), 'a:א:1');
  assert.deepEqual(marked(text).parts, [
    { direction: 'ltr', parts: ['a:', { direction: 'auto', parts: ['א'] }, ':1'] },
  ]);
  assert.deepEqual(marked('a\u2069b\u2068c').parts, ['a', 'b', { direction: 'auto', parts: ['c'] }]);
});
