/** Watches the processes: ends processes that hang, and spreads connections over all of them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../../log.ts';
import type { Child } from './child.ts';
import type { Processes } from './processes.ts';
import type { ConnectionReport } from './questions.ts';
import { surplusOfHttp, surplusOfLasting } from './surplus.ts';

const INTERVAL_MS = 5000;
/** Questions in a row without an answer, each for an interval, until a process is killed: a minute. */
const UNANSWERED_LIMIT = 12;

/**
 * Asks each process in every interval.
 * @param intervalMs how long a process may take to answer, too
 * @returns a function that ends the watch
 */
export function watchOver(processes: Processes, log: Logger, intervalMs = INTERVAL_MS): () => void {
  const unanswered = new WeakMap<Child, number>();
  const stopped = new AbortController();

  const connectionsOf = async (child: Child): Promise<ConnectionReport | undefined> => {
    const open = await child.ask('connections', undefined, intervalMs).catch(() => undefined);
    const misses = open === undefined ? (unanswered.get(child) ?? 0) + 1 : 0;
    unanswered.set(child, misses);
    if (misses < UNANSWERED_LIMIT || stopped.signal.aborted) return open;
    log.error(
      { process: child.process, child_pid: child.pid },
      'the process has not answered for a minute; it is killed',
    );
    child.kill('SIGKILL');
    // The system may need a moment to end it.
    unanswered.delete(child);
    return undefined;
  };

  const look = async () => {
    // A process that starts has its own deadline.
    const listening = [...processes.running].filter(({ listens }) => listens);
    const answered = await Promise.all(
      listening.map(async (child) => [child, await connectionsOf(child)] as const),
    );
    const answerOf = new Map(answered);
    const children = processes.current.flatMap(({ child }) => child ?? []);
    const open = children.flatMap((child) => answerOf.get(child) ?? []);
    if (open.length < processes.current.length) return;
    const lasting = surplusOfLasting(open.map((each) => each.lasting));
    const http = surplusOfHttp(open);
    for (const [i, child] of children.entries()) {
      const closed = { lasting: lasting[i]!, http: http[i]! };
      if ((closed.lasting === 0 && closed.http === 0) || child.stopping) continue;
      log.debug({ process: child.process, closed, open }, 'closing connections so that they spread evenly');
      child.ask('closeConnections', closed).catch(() => {});
    }
  };

  const watch = async () => {
    const { signal } = stopped;
    while (!signal.aborted)
      // A process that does not answer makes a look as long as an interval.
      await Promise.all([look(), pause(intervalMs, undefined, { signal }).catch(() => {})]);
  };
  void watch();
  return () => stopped.abort();
}
