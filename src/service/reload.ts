/** What SIGHUP changes in a service that is one process: the values that are read at each use. */

import type { RateLimits } from '../access/rate-limit.ts';
import { changedVariables } from '../config/changes.ts';
import type { Config, VariableName } from '../config/config.ts';
import { reportVariables, type VariableReports } from '../config/report.ts';
import type { Settings } from '../config/settings.ts';
import type { Logger } from '../log.ts';
import type { PushOptions } from '../push/socket.ts';
import type { AccessLogs } from './access-log.ts';

/** The parts of the service that take new values. */
export interface Reloaded {
  readonly log: Logger;
  readonly setSlowRequestMs: (ms: number) => void;
  readonly accessLog: Pick<AccessLogs, 'use'>;
  readonly setTtls: (ttl: Config['ttl']) => void;
  readonly setLocalTtl: (ttlMs: number) => void;
  readonly rates: Pick<RateLimits, 'limitAddresses'>;
  /** The parts that keep this object read the limits at each use. */
  readonly limits: Config['limits'];
  readonly push: PushOptions;
}

/** Every other variable needs a restart. */
export const RELOADED: ReadonlySet<VariableName> = new Set([
  'LOG_LEVEL',
  'SLOW_REQUEST_MS',
  'ACCESS_LOG',
  'BORROW_RATE_TTL',
  'VOLATILITY_TTL',
  'EVENT_RISK_TTL',
  'BROKER_CONFIG_TTL',
  'CALCULATION_RESULT_TTL',
  'MIN_RATE_TTL',
  'LOCAL_CACHE_TTL',
  'MAX_BATCH_KEYS',
  'MAX_BODY_BYTES',
  'MAX_BUFFERED_BODY_BYTES',
  'MAX_ANSWER_BYTES',
  'MAX_INVALIDATION_KEYS',
  'MAX_CONNECTIONS',
  'MAX_ADDRESS_REQUESTS_PER_SECOND',
  'MAX_ADDRESS_BYTES_PER_SECOND',
  'WS_ALLOWED_ORIGINS',
  'WS_MAX_CONNECTIONS',
  'WS_MAX_SUBSCRIPTIONS',
  'WS_MAX_NAMES',
  'WS_MAX_NAME_BYTES',
  'WS_MAX_TOTAL_NAMES',
  'WS_MAX_TOTAL_NAME_BYTES',
  'WS_MAX_PENDING_KEYS',
  'WS_STALL_SECONDS',
]);

export interface Reload {
  /** What SIGHUP does with the configuration: it applies what it can, and reports the rest. */
  readonly hangUp: () => void;
  /** The variables that the service uses now. */
  readonly variables: () => VariableReports;
}

/** @param read reads the configuration again. Throws if it is invalid */
export function reloadSettings(settings: Settings, read: () => Settings, parts: Reloaded): Reload {
  const { log } = parts;
  let present = settings;
  const hangUp = () => {
    let next: Settings;
    try {
      next = read();
    } catch (error) {
      const { message } = error as Error;
      log.error({ reason: message }, 'SIGHUP: the configuration is invalid; the one before stays in use');
      return;
    }
    for (const warning of next.warnings) log.warn(warning);
    const { standalone } = settings.config;
    const changed = changedVariables(present.env, next.env, standalone).filter((name) => RELOADED.has(name));
    // Compared with the start, because no variable that needs a restart was applied meanwhile.
    const restart = changedVariables(settings.env, next.env, standalone).filter(
      (name) => !RELOADED.has(name),
    );
    present = next;
    apply(next.config, parts);
    if (restart.length > 0)
      log.warn({ changed, restart }, 'SIGHUP: restart the service to apply the variables in "restart"');
    else log.info({ changed }, 'SIGHUP: the configuration was read again');
  };
  const variables = () => {
    const reloaded = Object.entries(reportVariables(present)).filter(([name]) => isReloaded(name));
    return { ...reportVariables(settings), ...Object.fromEntries(reloaded) };
  };
  return { hangUp, variables };
}

export function isReloaded(name: string): boolean {
  return (RELOADED as ReadonlySet<string>).has(name);
}

function apply({ log, ttl, local, limits, push }: Config, parts: Reloaded): void {
  parts.log.level = log.level;
  parts.setSlowRequestMs(log.slowRequestMs);
  parts.accessLog.use(log.accessFile);
  parts.setTtls(ttl);
  parts.setLocalTtl(local.ttlMs);
  parts.rates.limitAddresses(limits);
  // What a key and a value may be is also known to the parts that read Redis.
  const { maxKeyBytes, maxValueBytes } = parts.limits;
  Object.assign(parts.limits, limits, { maxKeyBytes, maxValueBytes });
  // uWS has these two from the start.
  const { maxFrameBytes, idleTimeoutMs } = parts.push;
  const { maxBatchKeys, maxAnswerBytes } = limits;
  Object.assign(parts.push, push, { maxFrameBytes, idleTimeoutMs, maxBatchKeys, maxAnswerBytes });
}
