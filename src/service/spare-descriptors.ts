import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import type { HttpResponse, TemplatedApp } from '../uws.ts';

/** File descriptors that clients cannot use. They are for Redis, name resolution, and reads of /proc. */
const SPARE = 16;
const LOG_INTERVAL_MS = 60_000;

/**
 * Closes a new connection at once when the process has fewer than 16 free file descriptors. Otherwise uWS would retry
 * to accept the next connection in a busy loop, which uses a whole core, and the process could not reconnect to
 * Redis.
 *
 * The kernel assigns the lowest free descriptor. So the number of a descriptor that is opened for a moment is a lower
 * bound of the descriptors in use. The connection count of uWS does not fit: it ignores the close of a WebSocket.
 */
export function spareDescriptors(app: TemplatedApp, counters: Counters, log: Logger): void {
  const limit = openFilesLimit();
  let silentUntil = 0;
  const refuse = (connection: HttpResponse, change: number): void => {
    if (change < 0 || lowestFree() < limit - SPARE) return;
    connection.close();
    counters.connectionsRefused++;
    const now = performance.now();
    if (now < silentUntil) return;
    silentUntil = now + LOG_INTERVAL_MS;
    log.error(
      { limit, spare: SPARE },
      'connections refused: too few file descriptors are left; raise the limit of open files (ulimit -n)',
    );
  };
  app.filter(refuse);
}

/** The lowest free descriptor; Infinity if none is free. */
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
