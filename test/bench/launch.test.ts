import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forkServer, launch, scratch } from '../../bench/peers/launch.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { programFile } from '../support/program-file.ts';

test('a launched program leaves what it writes in the directory that it was given', async (t) => {
  const { path: dir, remove } = await scratch();
  t.after(remove);
  const port = await freePort();
  const program = `require('fs').writeFileSync('left.log', ''); require('net').createServer().listen(${port})`;
  const server = await launch(process.execPath, ['-e', program], port, dir);
  await server.stop();
  assert.ok(existsSync(join(dir, 'left.log')));
});

test('a forked server tells that it has started, answers what it is asked, and is gone once stopped', async (t) => {
  const file = await programFile(
    t,
    "process.on('message', ({ n }) => process.send(n + 1)); process.send(process.argv[2]);",
  );
  const server = await forkServer<string>(file, ['hello']);
  assert.equal(server.told, 'hello');
  assert.equal(await server.ask({ n: 1 }), 2);
  await server.stop();
  assert.throws(() => process.kill(server.pid, 0), { code: 'ESRCH' });
});

test('a forked server that ends before it has started is told of at once', async (t) => {
  await assert.rejects(forkServer(await programFile(t, 'process.exit(3)')), /server\.js ended with 3/);
});
