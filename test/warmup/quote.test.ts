import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quote } from '../../src/warmup/quote.ts';

test('quoted text contains no terminal control sequence', () => {
  assert.equal(quote('a\u001b[31mb\u009b2Jc\u007f'), '"a\\u001b[31mb\\u009b2Jc\\u007f"');
});

test('long text is cut', () => {
  assert.equal(quote('x'.repeat(61)), `"${'x'.repeat(60)}…"`);
  assert.equal(quote('x'.repeat(60)), `"${'x'.repeat(60)}"`);
});
