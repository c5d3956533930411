/** How long the slowest reads take: at half of the knee, and while large values go out to others. */
import { bareUws } from '../../peers/bare-uws/peer.ts';
import { ratecache } from '../../peers/ratecache/peer.ts';
import { LARGE, LARGEST, SMALL } from '../data.ts';
import { type PacedOptions, paced } from '../loads/paced.ts';
import { reads, readsInTurn } from '../requests.ts';
import { by, type Contestant, type Row } from '../row.ts';

const SMALL_READS = { requests: reads(SMALL), connections: 64 };
const SMALL_RATE = 5000;
const LARGE_READS = { requests: readsInTurn(LARGE), connections: 8, rate: 2000 };
const LARGEST_READS = { requests: readsInTurn(LARGEST), connections: 4, rate: 100 };

// At half of its most the generator itself is late, on a machine with neighbours.
const atHalf = paced({ ...SMALL_READS, rate: { ofMost: 1 / 3 } });

export const halfKnee: Row = {
  name: 'half-knee',
  title: 'GET, L1 hit, at half of the knee',
  about:
    'Sent by the clock, at a third of the most that the generator gets from ratecache, which is about half of the ' +
    'knee that `docs/capacity.md` has.',
  contestants: [by(ratecache, atHalf), by(bareUws, atHalf)],
  references: [bareUws.name],
  columns: 'latency',
};

export const besideLarge: Row = {
  name: 'beside-large',
  title: 'GET, L1 hit, while large values stream to others',
  about:
    `${SMALL_RATE} small reads a second, sent by the clock; beside them, on other connections, values of 64 KB ` +
    `(${LARGE_READS.rate} a second) or of 1 MB (${LARGEST_READS.rate}).`,
  contestants: [
    smallReads('alone', 'alone'),
    smallReads('beside-64k', 'beside 64 KB', LARGE_READS),
    smallReads('beside-1m', 'beside 1 MB', LARGEST_READS),
  ],
  references: ['alone'],
  columns: 'latency',
};

function smallReads(name: string, title: string, beside?: PacedOptions['beside']): Contestant {
  const options = { ...SMALL_READS, rate: SMALL_RATE };
  return {
    name,
    title,
    peer: ratecache,
    load: paced(beside === undefined ? options : { ...options, beside }),
  };
}
