import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headingsOf, rowsOf, sectionOf } from './markdown.ts';

const PAGE = `# One

\`\`\`sh
curl a
# 201
| a | b |
\`\`\`

| head | of it |
|---|---|
| x | y |

## Two

text
`;

test('text in a code fence is not read as heading or table, and the section continues after the fence', () => {
  assert.deepEqual(headingsOf(PAGE), ['One', 'Two']);
  assert.match(sectionOf(PAGE, 'One'), /# 201[\s\S]*\| x \| y \|\n$/);
  assert.deepEqual(rowsOf(sectionOf(PAGE, 'One')), [['x', 'y']]);
  assert.equal(sectionOf(PAGE, 'Two').trim(), 'text');
  assert.throws(() => sectionOf(PAGE, '201'), /no heading 201/);
});
