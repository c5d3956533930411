/** What counting and timing cost a hit: the service beside the same sources without them. */
import { ratecache, ratecacheBare } from '../../peers/ratecache/peer.ts';
import { SMALL } from '../data.ts';
import { answeredFrom } from '../loads/level.ts';
import { wrk } from '../loads/wrk.ts';
import { reads } from '../requests.ts';
import { by, type Row } from '../row.ts';

export const metrics = row('metrics', 'unpipelined', 1);
export const metrics16 = row('metrics-16', '16 deep', 16);

function row(name: string, how: string, depth: number): Row {
  const load = answeredFrom('l1', wrk({ requests: reads(SMALL), depth, values: SMALL }));
  return {
    name,
    title: `GET, L1 hit, with and without metrics, ${how}`,
    about: 'One has the lines taken out of its sources that count and time a hit.',
    contestants: [by(ratecache, load), by(ratecacheBare, load)],
    references: [ratecacheBare.name],
    columns: 'throughput',
    anew: true,
  };
}
