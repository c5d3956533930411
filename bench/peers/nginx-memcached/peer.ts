import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { freePort } from '../../../loadtest/target/redis-server.ts';
import { itemsOf, SMALL } from '../../compare/data.ts';
import { filledIn, launch, printedVersion, scratch } from '../launch.ts';
import { cachePath, type Peer } from '../peer.ts';

export const nginxMemcached: Peer = {
  name: 'nginx-memcached',
  title: 'nginx + memcached',
  needs: ['nginx', 'memcached'],
  version: () => [printedVersion('nginx', '-v'), printedVersion('memcached', '-V')].join(' + '),
  start: async () => {
    const dir = await scratch();
    const stored = await freePort();
    // As many threads as it has cores; `-u` because it will not run as root.
    const options = [
      '-l',
      '127.0.0.1',
      '-p',
      String(stored),
      '-U',
      '0',
      '-t',
      '1',
      '-m',
      '64',
      '-u',
      'nobody',
    ];
    const memcached = await launch('memcached', options, stored, dir.path);
    try {
      await fill(stored);
      const port = await freePort();
      const values = { DIR: dir.path, PORT: port, MEMCACHED: stored };
      const conf = filledIn(new URL('nginx.conf', import.meta.url), values);
      await writeFile(`${dir.path}/nginx.conf`, conf);
      const nginx = await launch('nginx', ['-c', `${dir.path}/nginx.conf`], port, dir.path);
      return {
        port,
        pids: [nginx.pid, memcached.pid],
        pathOf: cachePath,
        stop: async () => {
          await nginx.stop();
          await memcached.stop();
          await dir.remove();
        },
      };
    } catch (error) {
      await memcached.stop();
      throw error;
    }
  },
};

/** Under the path, which is the key that nginx asks for. */
async function fill(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const items = itemsOf(SMALL);
  for (const { key, value } of items)
    socket.write(`set ${cachePath(key)} 0 0 ${value.length}\r\n${value}\r\n`);
  socket.write('quit\r\n');
  let replies = '';
  for await (const chunk of socket) replies += chunk;
  const stored = replies.match(/STORED/g)?.length ?? 0;
  if (stored !== items.length) throw new Error(`memcached stored ${stored} of ${items.length} values`);
}
