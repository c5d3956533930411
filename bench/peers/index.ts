import { bareUws } from './bare-uws/peer.ts';
import { fastifyBentocache, fastifyLayeredLoader, fastifyLruCache } from './fastify/peer.ts';
import { nginxLua } from './nginx-lua/peer.ts';
import { nginxMemcached } from './nginx-memcached/peer.ts';
import type { Peer } from './peer.ts';
import { ratecache } from './ratecache/peer.ts';
import { varnish } from './varnish/peer.ts';
import { webdis } from './webdis/peer.ts';

/** All that answer a GET over HTTP, in the order of the table: ours, the reference, and the peers. */
export const HTTP_PEERS: readonly Peer[] = [
  ratecache,
  bareUws,
  nginxLua,
  nginxMemcached,
  varnish,
  webdis,
  fastifyLruCache,
  fastifyLayeredLoader,
  fastifyBentocache,
];
