/** How long the slowest reads take: at half of the knee, and while large values go out to others. */
import { bareUws } from '../../peers/bare-uws/peer.ts';
import { ratecache } from '../../peers/ratecache/peer.ts';
import { LARGE, LARGEST, SMALL } from '../data.ts';
import { type PacedOptions, paced } from '../loads/paced.ts';
import { reads, readsInTurn } from '../requests.ts';
import { by, type Row } from '../row.ts';

const CONNECTIONS = 64;
const SMALL_RATE = 5000;

export const halfKnee: Row = row();

export const besideLarge: Row = {
  name: 'beside-large',
  title: 'GET, L1 hit, while large values stream to others',
  about: `${SMALL_RATE} small reads a second, sent by the clock; beside them values of 64 KB (2,000 a second) or 1 MB (100).`,
  contestants: [
    { name: 'alone', title: 'alone', peer: ratecache, load: small() },
    {
      name: 'beside-64k',
      title: 'beside 64 KB',
      peer: ratecache,
      load: small({ requests: readsInTurn(LARGE), connections: 8, rate: 2000 }),
    },
    {
      name: 'beside-1m',
      title: 'beside 1 MB',
      peer: ratecache,
      load: small({ requests: readsInTurn(LARGEST), connections: 4, rate: 100 }),
    },
  ],
  references: ['alone'],
  columns: 'latency',
};

function small(beside?: PacedOptions['beside']) {
  const options = { requests: reads(SMALL), connections: CONNECTIONS, rate: SMALL_RATE };
  return paced(beside === undefined ? options : { ...options, beside });
}

function row(): Row {
  const load = paced({ requests: reads(SMALL), connections: CONNECTIONS, rate: 'half' });
  return {
    name: 'half-knee',
    title: 'GET, L1 hit, at half of the knee',
    about:
      'Sent by the clock, at half of the most that the generator gets from ratecache: its knee, not the server’s.',
    contestants: [by(ratecache, load), by(bareUws, load)],
    references: [bareUws.name],
    columns: 'latency',
  };
}
