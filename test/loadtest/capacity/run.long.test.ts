import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runMain } from '../../../loadtest/target/run-main.ts';

test('a short search is measured and planned, and planned again from its file', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-capacity-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const short = [
    '--seconds',
    '1',
    '--repeats',
    '1',
    '--resolution',
    '0.5',
    '--max-rate',
    '1200',
    '--share',
    '1',
  ];
  const measured = await runMain(['capacity', 'l1', ...short, '--measured-entries', '1000', '--out', dir]);
  assert.equal(measured.code, 0, measured.stderr);
  assert.match(measured.stdout, /^Planned for 50,000 requests\/s/m);
  const page = await readFile(join(dir, 'capacity.html'), 'utf8');
  for (const embedded of ['uPlot', 'prefers-color-scheme', 'DATA'])
    assert.ok(page.includes(embedded), embedded);

  const file = join(dir, 'capacity.json');
  const again = await runMain(['capacity', '--from', file, '--rate', '1000', '--out', dir]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^Planned for 1,000 requests\/s/m);
});

test('a file that is not a capacity.json is exit code 2', async () => {
  const { code, stderr } = await runMain(['capacity', '--from', 'package.json']);
  assert.equal(code, 2);
  assert.match(stderr, /is not a capacity\.json/);
});
