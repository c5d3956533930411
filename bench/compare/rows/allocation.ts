/** What V8 allocates for a request: the loads of other rows once more, on servers that tell. */
import { bareUwsTelling, readingUws } from '../../peers/bare-uws/peer.ts';
import type { Peer } from '../../peers/peer.ts';
import { ratecacheColdTelling, ratecacheTelling } from '../../peers/ratecache/peer.ts';
import { allocating } from '../loads/allocating.ts';
import type { Contestant, Row } from '../row.ts';
import { get, get16 } from './l1-hit.ts';
import { getL2 } from './l2-hit.ts';
import { put } from './put.ts';
import { KEYS, wsGetJson, wsGetMsgpack, wsMget } from './websocket.ts';

export const allocation: Row = {
  name: 'allocation',
  title: 'Bytes that V8 allocates',
  about:
    'On the heap of the process, by the requests and the keys of the loads above. What happens by the clock has its ' +
    'share in them: each entry’s header lines once a second, and the invalidation link.',
  contestants: [
    ...of(get, 1, ratecacheTelling, readingUws, bareUwsTelling),
    ...of(get16, 1, ratecacheTelling, readingUws, bareUwsTelling),
    ...of(wsGetJson, 1, ratecacheTelling, bareUwsTelling),
    ...of(wsGetMsgpack, 1, ratecacheTelling, bareUwsTelling),
    ...of(wsMget, KEYS, ratecacheTelling, bareUwsTelling),
    ...of(getL2, 1, ratecacheColdTelling),
    ...of(put, 1, ratecacheTelling),
  ],
  references: [],
  columns: 'allocation',
  rounds: 2,
};

/** The load of a row by each of these; the first is imitated by the others. */
function of({ name, title, contestants }: Row, keys: number, ...peers: readonly Peer[]): Contestant[] {
  const load = allocating(contestants[0]!.load, keys);
  const [model] = peers;
  return peers.map((peer) => ({
    name: `${name} ${peer.name}`,
    title: `${title}: ${peer.title}`,
    peer,
    load,
    model: `${name} ${model!.name}`,
  }));
}
