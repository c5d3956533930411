/** What a process reports about its connections. The supervisor uses it to spread them. */
import type { Load } from '../../http/load.ts';
import type { Counters } from '../../metrics/counters.ts';
import type { ConnectionReport } from './questions.ts';

interface Sources {
  readonly load: Load;
  readonly counters: Pick<Counters, 'httpResponses'>;
  /** The number of open connections, WebSockets included. */
  readonly open: () => number;
  /** WebSockets and event streams. */
  readonly lasting: () => number;
}

/** Returns a function that reports the connections, and what has happened since its last report. */
export function reportConnections({ load, counters, open, lasting }: Sources): () => ConnectionReport {
  let answeredBefore = 0;
  return () => {
    const answered = counters.httpResponses.reduce((sum, count) => sum + count, 0);
    const answers = answered - answeredBefore;
    answeredBefore = answered;
    const { closed } = load;
    // The supervisor decides again with each report. What the last decision has left would close too many.
    load.closing = 0;
    load.closed = 0;
    return { lasting: lasting(), http: open() - lasting(), answers, closed };
  };
}
