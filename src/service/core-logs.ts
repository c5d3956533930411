/** What the log hears of the two tiers: a line when something begins and one when it ends, however often it happens. */
import type { CoherenceState } from '../cache/bus.ts';
import { type ServiceClock, SKEW_WARNING_MS } from '../cache/clock.ts';
import type { Version } from '../cache/version.ts';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import { FaultLog } from '../redis/fault-log.ts';

/** A warning when the machine's clock begins to differ from that of Redis, a line when it no longer does. */
export function skewLog(log: Logger, clock: ServiceClock): () => void {
  let skewed = false;
  return () => {
    const offsetMs = Math.round(clock.wallOffsetMs);
    const now = Math.abs(offsetMs) > SKEW_WARNING_MS;
    if (now === skewed) return;
    skewed = now;
    if (now)
      log.warn({ offsetMs }, 'the clock of this machine differs from that of Redis, which is used instead');
    else log.info({ offsetMs }, 'the clock of this machine agrees with that of Redis');
  };
}

const SUPERSEDED_LOG_INTERVAL_MS = 10_000;

/** The first pending change that is dropped, then how many more there were, at most a line every ten seconds. */
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

/** Logs when a kind of Redis error begins and when it ends. Returns what stops it. */
export function watchFaults(counters: Counters, log: Logger): () => void {
  const faults = new FaultLog({
    counters,
    onBegin: (kind) => log.error({ kind }, 'Redis errors begin'),
    onEnd: (kind, count, ms) => log.info({ kind, count, ms }, 'Redis errors are over'),
  });
  const timer = setInterval(() => faults.look(), FAULT_LOG_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** A line when L1 is coherent with Redis, and one when that is lost. */
export function stateLog(log: Logger): (state: CoherenceState) => void {
  let wasCoherent = false;
  return (state) => {
    if (state === 'coherent') log.info({ state }, 'L1 is coherent with Redis');
    // What was never there is not lost: the connections say how the start is going.
    else if (wasCoherent) log.warn({ state }, 'L1 is not trusted: coherence with Redis is lost');
    wasCoherent ||= state === 'coherent';
  };
}

const UNREADABLE_LOG_INTERVAL_MS = 60_000;

/** At most a line a minute, however many values cannot be read; the metrics count them all. */
export function unreadableLog(log: Logger): (key: string) => void {
  let silentUntil = 0;
  return (key) => {
    const now = Date.now();
    if (now < silentUntil) return;
    silentUntil = now + UNREADABLE_LOG_INTERVAL_MS;
    log.warn({ key }, 'a value in Redis is in no known form and counts as a cache miss');
  };
}
