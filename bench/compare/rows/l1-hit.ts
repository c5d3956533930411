/** GET of a key in L1, over HTTP: the hot path, beside what answers it without work and beside others' caches. */
import { bareUws } from '../../peers/bare-uws/peer.ts';
import { HTTP_PEERS } from '../../peers/index.ts';
import type { Peer } from '../../peers/peer.ts';
import { ratecache } from '../../peers/ratecache/peer.ts';
import { MEDIUM, type Shape, SMALL } from '../data.ts';
import { answeredFrom } from '../loads/level.ts';
import { wrk } from '../loads/wrk.ts';
import { reads } from '../requests.ts';
import { by, type Row } from '../row.ts';

const OURS = [ratecache, bareUws];

export const get = row('get', 'unpipelined', 1, SMALL, HTTP_PEERS);
export const get16 = row('get-16', '16 deep', 16, SMALL, HTTP_PEERS);
export const get64 = row('get-64', '64 deep', 64, SMALL, OURS);
export const get1k = row('get-1k', '1 KB, unpipelined', 1, MEDIUM, OURS);
export const get1k16 = row('get-1k-16', '1 KB, 16 deep', 16, MEDIUM, OURS);
export const get1k64 = row('get-1k-64', '1 KB, 64 deep', 64, MEDIUM, OURS);

function row(name: string, how: string, depth: number, shape: Shape, peers: readonly Peer[]): Row {
  const load = answeredFrom('l1', wrk({ requests: reads(shape), depth, values: shape }));
  return {
    name,
    title: `GET, L1 hit, ${how}`,
    about: `${shape.count} keys, values of ${shape.bytes} B.`,
    contestants: peers.map((peer) => by(peer, load)),
    references: [ratecache.name, bareUws.name],
    columns: 'throughput',
  };
}
