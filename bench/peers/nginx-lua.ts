import { readFileSync } from 'node:fs';
import type { Contender } from '../compare/contender.ts';
import { itemsOf, SMALL } from '../support/data.ts';
import { launch, printedVersion } from './launch.ts';

const CONFIGURATION = new URL('nginx-lua.conf', import.meta.url);

/** nginx that keeps the values itself, in a shared dictionary of its Lua module. */
export const nginxLua: Contender = {
  name: 'nginx-lua',
  title: 'nginx, Lua shared dict',
  needs: ['nginx', '/usr/lib/nginx/modules/ngx_http_lua_module.so'],
  version: () => printedVersion('nginx', '-v'),
  start: () =>
    launch({
      program: 'nginx',
      args: (dir) => ['-c', `${dir}/nginx.conf`],
      files: {
        'nginx.conf': readFileSync(CONFIGURATION, 'utf8'),
        'values.tsv': itemsOf(SMALL)
          .map(({ key, value }) => `${key}\t${value}\n`)
          .join(''),
      },
    }),
};
