/** Writes over HTTP, each through the script that keeps versions in order, beside a bare SET. */
import { ratecache } from '../../peers/ratecache/peer.ts';
import { SMALL } from '../data.ts';
import { library, working } from '../in-process/peer.ts';
import { CONNECTIONS, wrk } from '../loads/wrk.ts';
import { writes } from '../requests.ts';
import { by, type Row } from '../row.ts';

const SET = 'ioredis set';

export const put: Row = {
  name: 'put',
  title: 'PUT',
  about: `Values of ${SMALL.bytes} B; ioredis in process, without HTTP, ${CONNECTIONS} at a time.`,
  contestants: [
    by(ratecache, wrk({ requests: writes(SMALL) })),
    { name: SET, title: 'ioredis SET', peer: library, load: working(SET, CONNECTIONS) },
  ],
  references: [SET],
  columns: 'throughput',
};
