/** Watches the processes: ends those that hang, and spreads WebSockets over them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../../log.ts';
import type { Child } from './child.ts';
import type { Processes } from './processes.ts';
import { surplus } from './surplus.ts';

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

  const socketsOf = async (child: Child): Promise<number | undefined> => {
    const count = await child.ask('sockets', undefined, intervalMs).catch(() => undefined);
    const misses = count === undefined ? (unanswered.get(child) ?? 0) + 1 : 0;
    unanswered.set(child, misses);
    if (misses < UNANSWERED_LIMIT || stopped.signal.aborted) return count;
    log.error(
      { process: child.process, child_pid: child.pid },
      'the process has not answered for a minute; it is killed',
    );
    child.kill('SIGKILL');
    return undefined;
  };

  const look = async () => {
    const children = processes.current.flatMap(({ child }) => child ?? []);
    const counts = await Promise.all(children.map(socketsOf));
    if (counts.length < processes.current.length || counts.some((count) => count === undefined)) return;
    surplus(counts as number[]).forEach((count, i) => {
      const child = children[i]!;
      if (count === 0 || child.stopping) return;
      log.debug(
        { process: child.process, count, sockets: counts },
        'closing sockets so that they spread evenly',
      );
      child.ask('closeSockets', count).catch(() => {});
    });
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
