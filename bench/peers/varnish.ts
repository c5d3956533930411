import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Contender, cachePath } from '../compare/contender.ts';
import { itemsOf, SMALL } from '../support/data.ts';
import { launch, printedVersion } from './launch.ts';

/** varnish in front of a server that states how long its answers live. Its built-in rules do the rest. */
export const varnish: Contender = {
  name: 'varnish',
  title: 'varnish',
  needs: ['varnishd'],
  version: () => printedVersion('varnishd', '-V'),
  start: async () => {
    const origin = await startOrigin();
    const { port: originPort } = origin.address() as AddressInfo;
    return launch({
      program: 'varnishd',
      args: (dir, port) => [
        ...['-F', '-n', `${dir}/work`, '-a', `127.0.0.1:${port}`, '-s', 'malloc,256m'],
        // The manager must not kill its child for being paused.
        ...['-p', 'ping_interval=0', '-f', `${dir}/default.vcl`],
      ],
      files: {
        'default.vcl': `vcl 4.1; backend default { .host = "127.0.0.1"; .port = "${originPort}"; }\n`,
      },
      ended: () => origin.close().closeAllConnections(),
    });
  },
};

/** Receives one request for each key, when the answers are verified. */
async function startOrigin() {
  const values = new Map(itemsOf(SMALL).map(({ key, value }) => [cachePath(key), value]));
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=86400' };
  const server = createServer((request, response) => {
    const value = values.get(request.url ?? '');
    if (value === undefined) response.writeHead(404).end();
    else response.writeHead(200, headers).end(value);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
