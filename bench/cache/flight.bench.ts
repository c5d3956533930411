import { Flights } from '../../src/cache/flight.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { keyStream } from '../support/key-stream.ts';
import { entries } from '../support/quotes.ts';
import { awaited, group, peer } from '../support/suite.ts';

const READERS = 64;

/** An L2 that answers at once: what is left is the flight's own cost. */
const answer = async () => 1;

export default [
  group('single flight', () => {
    const flights = new Flights<number>(new Counters());
    const key = keyStream(entries(10_000).keys);
    const open = (name: string) => flights.join(name, 1, true, answer);
    return {
      reference: 'no flight',
      benchmarks: [
        peer(awaited('no flight', () => answer())),
        awaited('open and land', (i) => open(key(i))),
        awaited('open, fence and land', (i) => {
          const flight = open(key(i));
          flights.fence(key(i));
          return flight;
        }),
        awaited(
          `${READERS} readers of one key, a reader`,
          async (i) => {
            const name = key(i);
            const reads: Promise<number>[] = [];
            for (let reader = 0; reader < READERS; reader++) reads.push(open(name));
            return (await Promise.all(reads)).length;
          },
          READERS,
        ),
      ],
    };
  }),
];
