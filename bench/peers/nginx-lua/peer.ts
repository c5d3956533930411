import { writeFile } from 'node:fs/promises';
import { freePort } from '../../../loadtest/target/redis-server.ts';
import { itemsOf, SMALL } from '../../compare/data.ts';
import { filledIn, launch, printedVersion, scratch } from '../launch.ts';
import { cachePath, type Peer } from '../peer.ts';

export const nginxLua: Peer = {
  name: 'nginx-lua',
  title: 'nginx, lua shared dict',
  needs: ['nginx', '/usr/lib/nginx/modules/ngx_http_lua_module.so'],
  version: () => printedVersion('nginx', '-v'),
  start: async () => {
    const dir = await scratch();
    const port = await freePort();
    const lines = itemsOf(SMALL).map(({ key, value }) => `${key}\t${value}\n`);
    await writeFile(`${dir.path}/values.tsv`, lines);
    const conf = filledIn(new URL('nginx.conf', import.meta.url), { DIR: dir.path, PORT: port });
    await writeFile(`${dir.path}/nginx.conf`, conf);
    const nginx = await launch('nginx', ['-c', `${dir.path}/nginx.conf`], port, dir.path);
    return {
      port,
      pids: [nginx.pid],
      pathOf: cachePath,
      stop: async () => {
        await nginx.stop();
        await dir.remove();
      },
    };
  },
};
