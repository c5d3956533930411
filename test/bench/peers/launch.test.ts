import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { launch } from '../../../bench/peers/launch.ts';

/** Answers every request with its directory and the text of its file. */
const SERVER = `
  const text = require('fs').readFileSync('settings', 'utf8');
  const [dir, port] = text.split(' ');
  require('http').createServer((_, answer) => answer.end(process.cwd() + ' ' + text)).listen(port, '127.0.0.1');
`;

test('a launched program finds its files, filled in, in a directory of its own, which is removed with it', async () => {
  let hasEnded = false;
  const server = await launch({
    program: process.execPath,
    args: () => ['-e', SERVER],
    files: { settings: '@DIR@ @PORT@' },
    ended: () => {
      hasEnded = true;
    },
  });
  const response = await fetch(`http://127.0.0.1:${server.port}`);
  const [cwd, dir, port] = (await response.text()).split(' ');
  assert.equal(dir, cwd);
  assert.equal(port, String(server.port));
  await server.stop();
  assert.ok(hasEnded && !existsSync(dir!));
  assert.throws(() => process.kill(server.pids[0]!, 0), { code: 'ESRCH' });
});

test('a program that cannot be started is an error', async () => {
  await assert.rejects(launch({ program: '/nowhere/nginx', args: () => [], files: {} }), /ENOENT/);
});
