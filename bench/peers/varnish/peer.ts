import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../../loadtest/target/redis-server.ts';
import { itemsOf, SMALL } from '../../compare/data.ts';
import { filledIn, launch, printedVersion, scratch } from '../launch.ts';
import { cachePath, type Peer } from '../peer.ts';

export const varnish: Peer = {
  name: 'varnish',
  title: 'varnish',
  needs: ['varnishd'],
  version: () => printedVersion('varnishd', '-V'),
  start: async () => {
    const dir = await scratch();
    const origin = await startOrigin();
    const port = await freePort();
    const { port: originPort } = origin.address() as AddressInfo;
    const vcl = filledIn(new URL('default.vcl', import.meta.url), { ORIGIN: originPort });
    await writeFile(`${dir.path}/default.vcl`, vcl);
    const options = ['-F', '-n', `${dir.path}/work`, '-a', `127.0.0.1:${port}`, '-s', 'malloc,256m'];
    // The manager asks its child every few seconds whether it lives; a child that is paused must not be killed for it.
    const settings = ['-p', 'ping_interval=0', '-f', `${dir.path}/default.vcl`];
    const server = await launch('varnishd', [...options, ...settings], port, dir.path);
    return {
      port,
      pids: [server.pid],
      pathOf: cachePath,
      stop: async () => {
        await server.stop();
        origin.close().closeAllConnections();
        await dir.remove();
      },
    };
  },
};

/** Asked once for each key, when the answers are verified. */
async function startOrigin() {
  const values = new Map(itemsOf(SMALL).map(({ key, value }) => [cachePath(key), value]));
  const server = createServer((request, response) => {
    const value = values.get(request.url ?? '');
    if (value === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=86400' })
        .end(value);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
