import { Counter, Histogram, Registry } from 'prom-client';
import { TYPES, typeOf } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { LATENCY_BOUNDS_SECONDS } from '../../src/metrics/histogram.ts';
import { keyStream } from '../support/key-stream.ts';
import { entries } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

/** As `http/read.ts` has it. */
const TIMED_EVERY = 64;

export default [
  group('what a hit costs in metrics', () => {
    const keys = entries(100_000).keys;
    const key = keyStream(keys);
    const counters = new Counters();
    let timedAfter = 0;
    const { hits, responses, seconds } = promClient();
    return {
      reference: 'prom-client, labels',
      benchmarks: [
        // The same steps as `readHandler` and `peek` take for a hit, without the hit.
        sync('bare counters, one in 64 timed', (i) => {
          const timed = counters.getSeconds.untimed >= timedAfter;
          const start = timed ? performance.now() : 0;
          counters.l1Hits[typeOf(key(i))]!++;
          counters.httpResponses[2]!++;
          if (timed) {
            counters.getSeconds.observeSample((performance.now() - start) / 1000);
            timedAfter = TIMED_EVERY - 1;
          } else counters.getSeconds.untimed++;
          return timedAfter;
        }),
        sync('bare counters, all timed', (i) => {
          const start = performance.now();
          counters.l1Hits[typeOf(key(i))]!++;
          counters.httpResponses[2]!++;
          counters.getSeconds.observe((performance.now() - start) / 1000);
          return 1;
        }),
        peer(
          sync('prom-client, labels', (i) => {
            const start = performance.now();
            hits.inc({ type: TYPES[typeOf(key(i))]! });
            responses.inc({ status: '2xx' });
            seconds.observe((performance.now() - start) / 1000);
            return 1;
          }),
        ),
        peer(
          sync('prom-client, labels, one in 64 timed', (i) => {
            const timed = (i & (TIMED_EVERY - 1)) === 0;
            const start = timed ? performance.now() : 0;
            hits.inc({ type: TYPES[typeOf(key(i))]! });
            responses.inc({ status: '2xx' });
            if (timed) seconds.observe((performance.now() - start) / 1000);
            return 1;
          }),
        ),
      ],
    };
  }),
];

function promClient() {
  const registers = [new Registry()];
  const help = 'measured, never scraped';
  return {
    hits: new Counter({ name: 'hits_total', help, labelNames: ['type'], registers }),
    responses: new Counter({ name: 'responses_total', help, labelNames: ['status'], registers }),
    seconds: new Histogram({ name: 'get_seconds', help, buckets: [...LATENCY_BOUNDS_SECONDS], registers }),
  };
}
