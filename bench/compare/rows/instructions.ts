/** What a hit takes in instructions, with what counts it and without, and beside bare uWS: the same on a busy machine. */
import { countingUws } from '../../peers/bare-uws/peer.ts';
import { ratecacheBareCounting, ratecacheCounting } from '../../peers/ratecache/peer.ts';
import { SMALL } from '../data.ts';
import { instructions as counted } from '../loads/instructions.ts';
import { reads } from '../requests.ts';
import { by, type Row } from '../row.ts';

const DEPTH = 16;
const load = counted(reads(SMALL), DEPTH);

export const instructions: Row = {
  name: 'instructions',
  title: `Instructions of a GET, L1 hit, ${DEPTH} deep`,
  about:
    'Of the process by the requests, without the kernel’s, counted by callgrind. Of ratecache also without the lines ' +
    'of its sources that count and time a hit.',
  contestants: [by(ratecacheCounting, load), by(ratecacheBareCounting, load), by(countingUws, load)],
  references: [ratecacheBareCounting.name, countingUws.name],
  columns: 'instructions',
  rounds: 3,
  anew: true,
};
