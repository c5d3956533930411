/** Reads that L1 cannot answer and Redis can: over HTTP beside our own L1 hit, and in process beside bare ioredis. */
import { ratecache, ratecacheCold } from '../../peers/ratecache/peer.ts';
import { MANY, SMALL } from '../data.ts';
import { library, working } from '../in-process/peer.ts';
import { answeredFrom } from '../loads/level.ts';
import { wrk } from '../loads/wrk.ts';
import { reads, readsInTurn } from '../requests.ts';
import { by, type Row } from '../row.ts';

export const getL2: Row = {
  name: 'get-l2',
  title: 'GET, L2 hit',
  about: `${MANY.count} keys in turn, of which L1 holds 1,000: each is read from Redis, and put into L1.`,
  contestants: [
    by(ratecacheCold, answeredFrom('l2', wrk({ requests: readsInTurn(MANY), values: MANY }))),
    {
      ...by(ratecache, answeredFrom('l1', wrk({ requests: reads(SMALL), values: SMALL }))),
      title: 'ratecache, L1 hit',
    },
  ],
  references: [ratecache.name],
  columns: 'throughput',
};

export const load64 = row('load-64', 64, 'ioredis mgetBuffer a turn');
export const load8 = row('load-8', 8, 'ioredis getBuffer');
export const load1 = row('load-1', 1, 'ioredis getBuffer');

function row(name: string, concurrency: number, other: string): Row {
  const contestant = (op: string) => ({ name: op, title: op, peer: library, load: working(op, concurrency) });
  return {
    name,
    title: `load from L2, in process, ${concurrency} at a time`,
    about: 'The same keys in turn, by calls in one process.',
    contestants: [contestant('ratecache load'), contestant(other)],
    references: [other],
    columns: 'work',
  };
}
