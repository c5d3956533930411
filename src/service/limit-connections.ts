import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import type { HttpResponse, TemplatedApp } from '../uws.ts';

/** File descriptors that clients cannot use. They are for Redis, name resolution, and reads of /proc. */
export const SPARE_DESCRIPTORS = 16;
const LOG_INTERVAL_MS = 60_000;

export interface ConnectionLimits {
  /** 0 for no limit but the descriptors. It is read at each connection. */
  readonly max: number;
  /** Descriptors that stay free. */
  readonly spare: number;
  /** The number of WebSockets that have closed. uWS does not call the filter for them. */
  readonly closedSockets: () => number;
}

/**
 * Closes a new connection at once when clients have `max` connections, or when the process has too few free file
 * descriptors. Without free descriptors uWS would retry to accept the next connection in a busy loop, which uses a
 * whole core. The process could not reconnect to Redis either.
 *
 * The kernel assigns the lowest free descriptor. So the number of a descriptor that is opened for a moment is a lower
 * bound of the descriptors in use.
 *
 * @returns the number of open connections, WebSockets included
 */
export function limitConnections(
  app: TemplatedApp,
  limits: ConnectionLimits,
  counters: Counters,
  log: Logger,
): () => number {
  const { spare, closedSockets } = limits;
  const limit = openFilesLimit();
  let changes = 0;
  let silentUntil = 0;
  const open = () => changes - closedSockets();
  const refuse = (connection: HttpResponse, change: number): void => {
    changes += change;
    if (change < 0) return;
    const { max } = limits;
    const crowded = max > 0 && open() > max;
    if (!crowded && lowestFree() < limit - spare) return;
    connection.close();
    counters.connectionsRefused++;
    counters.countLimited('connections');
    const now = performance.now();
    if (now < silentUntil) return;
    silentUntil = now + LOG_INTERVAL_MS;
    if (crowded) log.error({ max }, 'connections refused: the limit MAX_CONNECTIONS is reached');
    else
      log.error(
        { limit, spare },
        'connections refused: too few file descriptors are left; raise the limit of open files (ulimit -n)',
      );
  };
  app.filter(refuse);
  return open;
}

/** The lowest free descriptor; Infinity if no descriptor is free. */
function lowestFree(): number {
  try {
    // A container may have no /dev/null, but it has a root directory.
    const descriptor = openSync('/', 'r');
    closeSync(descriptor);
    return descriptor;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EMFILE' || code === 'ENFILE' ? Number.POSITIVE_INFINITY : 0;
  }
}

/** The limit of open files; Infinity if no limit is set or known. */
function openFilesLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
