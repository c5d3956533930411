import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdownTable, withMarked } from '../../../loadtest/report/document.ts';

const BEGIN = '<!-- table: written by x -->\n';
const END = '<!-- /table -->';
const DOCUMENT = `before\n${BEGIN}old\n${END}\nafter\n`;

test('the text replaces only what is between the marks', () => {
  const once = withMarked(DOCUMENT, 'table', "new $1 $& $'\n");
  assert.equal(once, `before\n${BEGIN}new $1 $& $'\n${END}\nafter\n`);
  assert.equal(withMarked(once, 'table', 'old\n'), DOCUMENT);
});

test('other marks of a document stay as they are', () => {
  const two = `<!-- other: y -->\nkept\n<!-- /other -->\n${DOCUMENT}`;
  assert.equal(withMarked(two, 'table', 'old\n'), two);
});

for (const [what, document] of [
  ['without marks', 'nothing'],
  ['without the first', `old\n${END}\n`],
  ['without the second', `${BEGIN}old\n`],
  ['in the other order', `${END}\n${BEGIN}`],
  ['twice', DOCUMENT + DOCUMENT],
  ['with the marks of another name', '<!-- tables: x -->\n<!-- /tables -->'],
] as const)
  test(`a document is refused ${what}`, () => {
    assert.throws(
      () => withMarked(document, 'table', 'new'),
      /must contain the marks <!-- table: … --> and <!-- \/table --> exactly once/,
    );
  });

test('a table has a line for its head and each row, and no cell can break the table', () => {
  assert.equal(markdownTable(['', 'b'], [['x|y', 'one\ntwo']]), '|  | b |\n|---|---|\n| x\\|y | one two |');
});

test('columns after the first can be aligned to the right', () => {
  assert.equal(markdownTable(['a', 'b', 'c'], [], 'right'), '| a | b | c |\n|---|--:|--:|');
});
