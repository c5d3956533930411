/** What SIGHUP changes in a service that is one process: the values that are read at each use. */
import { changedVariables } from '../config/changes.ts';
import type { Config, VariableName } from '../config/config.ts';
import { reportVariables, type VariableReports } from '../config/report.ts';
import type { Settings } from '../config/settings.ts';
import type { Limits } from '../http/deps.ts';
import type { Logger } from '../log.ts';
import type { PushOptions } from '../push/socket.ts';

/** The parts of the service that take new values. */
export interface Reloaded {
  readonly log: Logger;
  readonly setTtls: (ttl: Config['ttl']) => void;
  /** Their handlers read them at each use. */
  readonly limits: Limits;
  readonly push: PushOptions;
}

/** Every other variable needs a restart. */
export const RELOADED: ReadonlySet<VariableName> = new Set([
  'LOG_LEVEL',
  'BORROW_RATE_TTL',
  'VOLATILITY_TTL',
  'EVENT_RISK_TTL',
  'BROKER_CONFIG_TTL',
  'CALCULATION_RESULT_TTL',
  'MIN_RATE_TTL',
  'MAX_BATCH_KEYS',
  'MAX_BODY_BYTES',
  'MAX_BUFFERED_BODY_BYTES',
  'MAX_ANSWER_BYTES',
  'MAX_INVALIDATION_KEYS',
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
    const { standalone } = settings.config;
    const changed = changedVariables(present.env, next.env, standalone).filter((name) => RELOADED.has(name));
    // Compared with the start, because none of them was applied meanwhile.
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

function apply({ log: { level }, ttl, limits, push }: Config, parts: Reloaded): void {
  const { maxBatchKeys, maxBodyBytes, maxBufferedBodyBytes, maxAnswerBytes, maxInvalidationKeys } = limits;
  parts.log.level = level;
  parts.setTtls(ttl);
  Object.assign(parts.limits, {
    maxBatchKeys,
    maxBodyBytes,
    maxBufferedBodyBytes,
    maxAnswerBytes,
    maxInvalidationKeys,
  });
  // uWS has these two from the start.
  const { maxFrameBytes, idleTimeoutMs } = parts.push;
  Object.assign(parts.push, push, { maxFrameBytes, idleTimeoutMs, maxBatchKeys, maxAnswerBytes });
}
