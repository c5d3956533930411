/** What the size of V8's young generation does to the slowest reads, in runs that are long enough for collections. */
import { SEMI_SPACE_MIB } from '../../../scripts/build/executable.ts';
import { ratecacheYoung } from '../../peers/ratecache/peer.ts';
import { MANY } from '../data.ts';
import { paced } from '../loads/paced.ts';
import { reads } from '../requests.ts';
import { by, type Row } from '../row.ts';

const RATE = 5000;
const SIZES_MIB = [2, SEMI_SPACE_MIB, 16, 64];

// Some of them from L1, and most from Redis: each of those takes some KB of the young generation.
const load = paced({ requests: reads(MANY), connections: 64, rate: RATE });

export const young: Row = {
  name: 'young',
  title: 'GET, by the size of the young generation',
  about:
    `${RATE} reads a second, sent by the clock in longer runs: keys as readers draw them, of ${MANY.count} of which ` +
    'L1 holds 1,000. Sizes are of half of the young generation at most.',
  contestants: SIZES_MIB.map((mib) => by(ratecacheYoung(mib, titleOf(mib)), load)),
  references: [`ratecache-young-${SEMI_SPACE_MIB}`],
  columns: 'latency',
  rounds: 3,
  longer: 5,
};

function titleOf(mib: number): string {
  if (mib === SEMI_SPACE_MIB) return `${mib} MiB, as it ships`;
  // What Node takes by itself on a machine of this size.
  return mib === 16 ? `${mib} MiB, as V8 has it` : `${mib} MiB`;
}
