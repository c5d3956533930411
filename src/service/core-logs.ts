/** Log lines about the two tiers: one line when a condition begins, and one line when it ends. */
import type { CoherenceState } from '../cache/bus.ts';
import { type ServiceClock, SKEW_WARNING_MS } from '../cache/clock.ts';
import type { Version } from '../cache/version.ts';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import { FaultLog } from '../redis/fault-log.ts';

/** Logs when the clock of the machine begins to differ from the clock of Redis, and when both agree again. */
export function skewLog(log: Logger, clock: ServiceClock): () => void {
  let skewed = false;
  return () => {
    const offsetMs = Math.round(clock.wallOffsetMs);
    const now = Math.abs(offsetMs) > SKEW_WARNING_MS;
    if (now === skewed) return;
    skewed = now;
    if (now)
      log.warn(
        { offsetMs },
        'the clock of this machine differs from the clock of Redis; the service uses the clock of Redis',
      );
    else log.info({ offsetMs }, 'the clock of this machine agrees with the clock of Redis');
  };
}

const SUPERSEDED_LOG_INTERVAL_MS = 10_000;

/** Logs pending writes that are dropped, at most one line in ten seconds. `dropped` counts all since the last line. */
export function supersededLog(log: Logger) {
  let quietUntil = 0;
  let more = 0;
  return (key: string, version: Version, present: Version | undefined) => {
    const now = performance.now();
    more++;
    if (now < quietUntil) return;
    log.warn(
      { key, version, present: present ?? null, dropped: more },
      'a pending write was dropped: a later change of the key is known',
    );
    quietUntil = now + SUPERSEDED_LOG_INTERVAL_MS;
    more = 0;
  };
}

const FAULT_LOG_INTERVAL_MS = 500;

/** Logs when errors of one kind from Redis start and stop. Returns a function that stops the watch. */
export function watchFaults(counters: Counters, log: Logger): () => void {
  const faults = new FaultLog({
    counters,
    onBegin: (kind) => log.error({ kind }, 'Redis errors started'),
    onEnd: (kind, count, ms) => log.info({ kind, count, ms }, 'Redis errors stopped'),
  });
  const timer = setInterval(() => faults.look(), FAULT_LOG_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Logs when L1 becomes coherent with a server of Redis, and when it loses coherence. */
export function stateLog(log: Logger): (state: CoherenceState, server: string | undefined) => void {
  const coherent = new Set<string | undefined>();
  return (state, server) => {
    const fields = server === undefined ? { state } : { server, state };
    if (state === 'coherent') log.info(fields, 'L1 is coherent with Redis');
    // Before L1 was coherent for the first time there is nothing to lose: the connections log the progress.
    else if (coherent.has(server)) log.warn(fields, 'L1 is no longer coherent with Redis');
    if (state === 'coherent') coherent.add(server);
  };
}

const UNREADABLE_LOG_INTERVAL_MS = 60_000;

/** Logs values that cannot be decoded, at most one line a minute. The metrics count all of them. */
export function unreadableLog(log: Logger): (key: string) => void {
  let silentUntil = 0;
  return (key) => {
    const now = Date.now();
    if (now < silentUntil) return;
    silentUntil = now + UNREADABLE_LOG_INTERVAL_MS;
    log.warn({ key }, 'a value in Redis has an unknown format; reads of it are cache misses');
  };
}
