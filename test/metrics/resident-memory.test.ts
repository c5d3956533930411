import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const RESIDENT = new URL('../../src/metrics/resident-memory.ts', import.meta.url).href;

test('resident memory is read without a free file descriptor, and follows allocations', async () => {
  const program = `
    import { openSync } from 'node:fs';
    import { ResidentMemory } from '${RESIDENT}';
    const resident = new ResidentMemory();
    const figures = [resident.read(), process.memoryUsage.rss()];
    try {
      for (;;) openSync('/dev/null', 'r');
    } catch (error) {
      figures.push(error.code);
    }
    let thrown;
    try {
      process.memoryUsage.rss();
    } catch (error) {
      thrown = error.code;
    }
    const taken = Buffer.alloc(64 * 1024 * 1024, 1);
    console.log(JSON.stringify([...figures, thrown, resident.read(), taken.length]));
  `;
  const args = ['--nofile=64', process.execPath, '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)('prlimit', args);
  const [first, reference, exhausted, thrown, later, taken] = JSON.parse(stdout);
  assert.deepEqual([exhausted, thrown], ['EMFILE', 'EMFILE']);
  assert.ok(Math.abs(first - reference) < 16 * 1024 * 1024, `${first} and ${reference}`);
  assert.ok(later > first + taken / 2, `${first} and then ${later}`);
});
