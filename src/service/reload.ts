/** What SIGHUP changes in a service that is one process: the values that are read at each use. */
import { changedVariables } from '../config/changes.ts';
import type { Config, Environment, VariableName } from '../config/config.ts';
import type { Limits } from '../http/deps.ts';
import type { Logger } from '../log.ts';
import type { PushOptions } from '../push/socket.ts';

/** A configuration with the environment that it was read from. */
export interface Settings {
  readonly env: Environment;
  readonly config: Config;
}

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

/**
 * Returns what SIGHUP does with the configuration: it applies what it can, and reports the rest.
 * @param read reads the configuration again. Throws if it is invalid
 */
export function reloadSettings(settings: Settings, read: () => Settings, parts: Reloaded): () => void {
  const { log } = parts;
  let present = settings.env;
  return () => {
    let next: Settings;
    try {
      next = read();
    } catch (error) {
      const { message } = error as Error;
      log.error({ reason: message }, 'SIGHUP: the configuration is invalid; the one before stays in use');
      return;
    }
    const { standalone } = settings.config;
    const changed = changedVariables(present, next.env, standalone).filter((name) => RELOADED.has(name));
    // Compared with the start, because none of them was applied meanwhile.
    const restart = changedVariables(settings.env, next.env, standalone).filter(
      (name) => !RELOADED.has(name),
    );
    present = next.env;
    apply(next.config, parts);
    if (restart.length > 0)
      log.warn({ changed, restart }, 'SIGHUP: restart the service to apply the variables in "restart"');
    else log.info({ changed }, 'SIGHUP: the configuration was read again');
  };
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
