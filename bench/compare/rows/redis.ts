/** What Redis takes part in: reads that miss L1, and writes. Over HTTP, and in process next to ioredis and other caches. */
import { ratecache, ratecacheCold } from '../../peers/ratecache.ts';
import { MANY, SMALL } from '../../support/data.ts';
import { library } from '../library/library.ts';
import { answeredFrom } from '../loads/answered-from.ts';
import { CONNECTIONS, wrk } from '../loads/wrk.ts';
import { reads, readsInTurn, writes } from '../requests.ts';
import { by, type Row, rateAtLeast } from '../row.ts';

const OTHER_CACHES = ['layered-loader get', 'bentocache get'];

export const getL2: Row = {
  name: 'get-l2',
  title: 'GET, L2 hit',
  about: `${MANY.count} keys in turn. L1 has room for 1,000, so each key is read from Redis and enters L1.`,
  contestants: [
    by(ratecacheCold, answeredFrom('l2', wrk({ requests: readsInTurn(MANY), values: MANY }))),
    {
      ...by(ratecache, answeredFrom('l1', wrk({ requests: reads(SMALL), values: SMALL }))),
      title: 'ratecache, L1 hit',
    },
  ],
  reference: ratecache.name,
  figures: ['perSecond', 'cpuUs', 'core', 'bytes'],
  targets: [rateAtLeast(0.65, ratecache.name)],
};

export const load64: Row = {
  ...loadRow(64, ['ioredis MGET', ...OTHER_CACHES]),
  targets: [rateAtLeast(0.55, 'ioredis MGET')],
};

export const load1: Row = {
  ...loadRow(1, ['ioredis GET']),
  targets: [{ figure: 'p50Us', against: 'ioredis GET', atMost: 1.2 }],
};

export const put: Row = {
  name: 'put',
  title: 'PUT',
  about: `Values of ${SMALL.bytes} B. ioredis in process, without HTTP, ${CONNECTIONS} at a time.`,
  contestants: [by(ratecache, wrk({ requests: writes(SMALL) })), library('ioredis SET', CONNECTIONS)],
  reference: 'ioredis SET',
  figures: ['perSecond', 'cpuUs', 'core'],
  targets: [rateAtLeast(0.4, 'ioredis SET')],
};

function loadRow(concurrency: number, others: readonly string[]): Row {
  return {
    name: `load-${concurrency}`,
    title: `Load from L2, in process, ${concurrency} at a time`,
    about: `${MANY.count} keys in turn, by calls in one process. L1 has room for 1,000. MGET: one for each turn of the event loop.`,
    contestants: ['ratecache load', ...others].map((operation) => library(operation, concurrency)),
    reference: others[0]!,
    figures: ['perSecond', 'cpuUs', 'core', 'p50Us'],
  };
}
