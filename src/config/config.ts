/**
 * Reads the environment once, at start-up, into a frozen `Config`. `config/variables.ts` defines the variables; this
 * file assembles their values and reports errors.
 */

import { parseRules } from '../cache/dependencies/rules.ts';
import type { FallbackCause } from '../cache/quality/quality.ts';
import type { Fault } from './fault.ts';
import type { Secret } from './kinds.ts';
import { checkTogether, type Environment, parseVariables } from './parse.ts';
import { redisTlsOf, topologyOf } from './redis-topology.ts';
import { tracingWarnings } from './tracing-warnings.ts';
import { unknownVariableWarnings } from './unknown-variables.ts';
import type { Values } from './variables.ts';

export { configurationPage, envExample, flagOf, helpOf } from './document.ts';
export type { Fault } from './fault.ts';
export { GROUPS, Secret, type Variable } from './kinds.ts';
export type { Environment } from './parse.ts';
export { isLoopback } from './patterns.ts';
export { type HostAndPort, nameOf, type Tls, type Topology } from './redis-topology.ts';
export { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts';

/** Exit code of a process with an invalid configuration: EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

/** The configuration is invalid. The message lists every fault and warning, but no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = EXIT_CONFIG;
  readonly faults: readonly Fault[];
  /** The warnings of `loadConfig`. A misspelt variable is often the reason why another is missing. */
  readonly warnings: readonly string[];

  constructor(faults: readonly Fault[], warnings: readonly string[]) {
    const lines = faults.map(
      ({ variable, actual, expected }) => `${variable}: ${actual}, expected ${expected}`,
    );
    const title = `The configuration has ${faults.length === 1 ? '1 error' : `${faults.length} errors`}:`;
    super([title, ...lines, ...warnings].join('\n  '));
    this.faults = faults;
    this.warnings = warnings;
  }
}

/**
 * Reads the configuration.
 *
 * @param env the environment, overridden by the flags of the command line
 * @param options.standalone true has the effect of STANDALONE=true in `env`
 * @returns the configuration, deeply frozen, and warnings for the operator, one line each
 * @throws ConfigError with all faults; the process should then exit with `EXIT_CONFIG`
 */
export function loadConfig(
  env: Environment,
  options: { readonly standalone: boolean },
): { config: Config; warnings: string[] } {
  const alone = options.standalone || parseVariables(env, true).values.STANDALONE === true;
  const { values, faults } = parseVariables(env, alone);
  faults.push(...checkTogether(values, env, alone));
  const warnings = unknownVariableWarnings(env);
  if (faults.length > 0) throw new ConfigError(faults, warnings);
  // Without a fault, only the REDIS_* of a standalone service are missing, and `assemble` does not read those.
  const config = assemble(values as Values, alone);
  return { config: deepFreeze(config), warnings: [...warnings, ...warnOfIdle(config, env)] };
}

/** The configuration as plain data for the log line at start-up, with secrets as `***`. */
export function describe(config: Config): Record<string, unknown> {
  return JSON.parse(JSON.stringify(config));
}

/** Frozen. Durations are milliseconds and end in `Ms`, sizes of data are bytes and end in `Bytes`. */
export type Config = DeepReadonly<ReturnType<typeof assemble>>;

type DeepReadonly<T> = T extends object
  ? T extends Secret
    ? T
    : { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
  : T;

function assemble(values: Values, standalone: boolean) {
  return {
    standalone,
    processes: values.PROCESSES === 'auto' ? ('auto' as const) : Number(values.PROCESSES),
    envFile: values.ENV_FILE,
    http: {
      host: values.HOST,
      /** 0 selects a free port. */
      port: values.PORT,
      reusePort: values.REUSE_PORT,
      idleTimeoutMs: values.HTTP_IDLE_TIMEOUT_SECONDS * 1000,
      maxAge: values.HTTP_MAX_AGE,
      /** Undefined to use the addon of a package. */
      addonFile: values.UWS_ADDON,
      /** Always false when standalone. */
      readyRequiresRedis: values.READY_REQUIRES_REDIS && !standalone,
    },
    /** Undefined for plain HTTP. */
    tls: tlsOf(values),
    access: {
      tokensFile: values.AUTH_TOKENS_FILE,
      /** Undefined when no JWTs are accepted. */
      jwt: jwtOf(values),
      auditWrites: values.AUDIT_WRITES,
      insecureOpen: values.INSECURE_OPEN,
      allowedHosts: values.ALLOWED_HOSTS?.split(',') ?? [],
      /** Undefined serves the endpoints of operators on the port of values; 0 selects a free port. */
      opsPort: values.OPS_PORT,
    },
    shutdown: {
      graceMs: values.SHUTDOWN_GRACE_MS,
      timeoutMs: values.SHUTDOWN_TIMEOUT_MS,
    },
    /** Undefined when standalone. */
    redis: standalone
      ? undefined
      : {
          topology: topologyOf(values),
          /** Undefined for connections without TLS. */
          tls: redisTlsOf(values),
          username: values.REDIS_USERNAME,
          /** Contains '' for a server without a password; undefined with `passwordFile`. */
          password: values.REDIS_PASSWORD,
          passwordFile: values.REDIS_PASSWORD_FILE,
          /** Always 0 with a Cluster. */
          db: values.REDIS_DB,
          /** How many replicas must have acknowledged a write before it is confirmed. */
          minReplicasAck: values.REDIS_MIN_REPLICAS_ACK,
          maxConnections: values.REDIS_MAX_CONNECTIONS,
          commandTimeoutMs: values.REDIS_COMMAND_TIMEOUT_MS,
          connectTimeoutMs: values.REDIS_CONNECT_TIMEOUT_MS,
        },
    store: {
      keyPrefix: values.KEY_PREFIX,
      /** 0 disables compression. */
      compressionThresholdBytes: values.COMPRESSION_THRESHOLD_BYTES,
    },
    ttl: {
      borrowRateMs: values.BORROW_RATE_TTL * 1000,
      volatilityMs: values.VOLATILITY_TTL * 1000,
      eventRiskMs: values.EVENT_RISK_TTL * 1000,
      brokerConfigMs: values.BROKER_CONFIG_TTL * 1000,
      /** Also for keys of type `other`. */
      calculationMs: values.CALCULATION_RESULT_TTL * 1000,
      minRateMs: values.MIN_RATE_TTL * 1000,
    },
    /** None where nothing depends on anything. */
    dependencies: parseRules(values.DEPENDENCIES),
    /** When the minimum rate takes the place of a borrow rate. */
    minRateFallbackOn: values.MIN_RATE_FALLBACK_ON.split(',') as FallbackCause[],
    local: {
      enabled: values.ENABLE_LOCAL_CACHE,
      maxEntries: values.LOCAL_CACHE_MAX_SIZE,
      /** 0 sets no limit. */
      maxBytes: values.LOCAL_CACHE_MAX_BYTES,
      ttlMs: values.LOCAL_CACHE_TTL * 1000,
      /** 0 disables the sweep. */
      cleanupIntervalMs: values.LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS * 1000,
    },
    pubsub: {
      /** Always false when standalone. */
      enabled: values.ENABLE_PUBSUB && !standalone,
      channel: values.PUBSUB_CHANNEL,
      heartbeatIntervalMs: values.HEARTBEAT_INTERVAL_MS,
      heartbeatTimeoutMs: values.HEARTBEAT_TIMEOUT_MS,
    },
    limits: {
      maxValueBytes: values.MAX_VALUE_BYTES,
      maxKeyBytes: values.MAX_KEY_BYTES,
      maxBatchKeys: values.MAX_BATCH_KEYS,
      maxBodyBytes: values.MAX_BODY_BYTES,
      maxBufferedBodyBytes: values.MAX_BUFFERED_BODY_BYTES,
      maxAnswerBytes: values.MAX_ANSWER_BYTES,
      maxInvalidationKeys: values.MAX_INVALIDATION_KEYS,
      /** 0 leaves 16 file descriptors free. */
      maxConnections: values.MAX_CONNECTIONS,
      /** 0 sets no limit. */
      addressRequestsPerSecond: values.MAX_ADDRESS_REQUESTS_PER_SECOND,
      /** 0 sets no limit. */
      addressBytesPerSecond: values.MAX_ADDRESS_BYTES_PER_SECOND,
    },
    push: {
      /** '*' allows all origins. */
      allowedOrigins: values.WS_ALLOWED_ORIGINS?.split(',') ?? [],
      maxConnections: values.WS_MAX_CONNECTIONS,
      maxSubscriptions: values.WS_MAX_SUBSCRIPTIONS,
      maxNames: values.WS_MAX_NAMES,
      maxNameBytes: values.WS_MAX_NAME_BYTES,
      maxTotalNames: values.WS_MAX_TOTAL_NAMES,
      maxTotalNameBytes: values.WS_MAX_TOTAL_NAME_BYTES,
      maxFrameBytes: values.WS_MAX_FRAME_BYTES,
      maxPendingKeys: values.WS_MAX_PENDING_KEYS,
      stallMs: values.WS_STALL_SECONDS * 1000,
      idleTimeoutMs: values.WS_IDLE_TIMEOUT_SECONDS * 1000,
    },
    faults: {
      breakerFailures: values.BREAKER_FAILURES,
      /** 0 disables pending writes. */
      pendingWritesMaxEntries: values.PENDING_WRITES_MAX_ENTRIES,
      pendingWritesMaxBytes: values.PENDING_WRITES_MAX_BYTES,
      pendingWritesMaxClientPercent: values.PENDING_WRITES_MAX_CLIENT_PERCENT,
      rewarm: values.CACHE_REWARM_ON_DATA_LOSS,
      /** 0 disables shedding. */
      overloadLoopDelayMs: values.OVERLOAD_LOOP_DELAY_MS,
    },
    warmup: {
      onStartup: values.CACHE_WARMUP_ON_STARTUP,
      file: values.CACHE_WARMUP_FILE,
      format: values.CACHE_WARMUP_FORMAT,
      maxAgeMs: values.CACHE_WARMUP_MAX_AGE * 1000,
      pattern: values.CACHE_WARMUP_PATTERN,
      timeoutMs: values.CACHE_WARMUP_TIMEOUT_SECONDS * 1000,
    },
    stats: {
      enabled: values.ENABLE_CACHE_STATS,
      maxAgeMs: values.STATS_MAX_AGE_SECONDS * 1000,
    },
    log: {
      level: values.LOG_LEVEL,
      /** 0 logs no slow request. */
      slowRequestMs: values.SLOW_REQUEST_MS,
      /** Undefined for no access log. */
      accessFile: values.ACCESS_LOG,
    },
    /** Undefined without traces. */
    tracing: tracingOf(values),
  };
}

function tracingOf(values: Values) {
  if (values.OTEL_TRACES_EXPORTER !== 'otlp' || values.OTEL_SDK_DISABLED) return undefined;
  return {
    sampler: values.OTEL_TRACES_SAMPLER,
    /** From 0 to 1. */
    ratio: Number(values.OTEL_TRACES_SAMPLER_ARG),
    /** Whether requests continue the trace of their `traceparent`. */
    continuesTraces: values.OTEL_PROPAGATORS.includes('tracecontext'),
    batches: {
      delayMs: values.OTEL_BSP_SCHEDULE_DELAY,
      timeoutMs: values.OTEL_BSP_EXPORT_TIMEOUT,
      maxQueue: values.OTEL_BSP_MAX_QUEUE_SIZE,
      maxBatch: values.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    },
    /** What the SDK reads from the environment, by the name of the variable. */
    sdk: {
      OTEL_SERVICE_NAME: values.OTEL_SERVICE_NAME,
      OTEL_RESOURCE_ATTRIBUTES: values.OTEL_RESOURCE_ATTRIBUTES,
      OTEL_EXPORTER_OTLP_ENDPOINT: values.OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: values.OTEL_EXPORTER_OTLP_HEADERS,
    },
  };
}

function tlsOf({ TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE, TLS_CIPHERS }: Values) {
  if (TLS_CERT_FILE === undefined) return undefined;
  // `checkTogether` requires both.
  return { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE!, caFile: TLS_CA_FILE, ciphers: TLS_CIPHERS };
}

function jwtOf(values: Values) {
  const { AUTH_JWKS_FILE: file, AUTH_JWKS_URL: url } = values;
  const keys = file !== undefined ? { file } : url !== undefined ? { url } : undefined;
  // `checkTogether` requires both with keys.
  return keys && { keys, audience: values.AUTH_JWT_AUDIENCE!, issuer: values.AUTH_JWT_ISSUER! };
}

function warnOfIdle(config: Config, env: Environment): string[] {
  const { onStartup, file } = config.warmup;
  const warnings: string[] = [];
  if (config.standalone && env.REDIS_HOST) {
    warnings.push('REDIS_HOST: has no effect in standalone mode');
  }
  if (onStartup && config.standalone && file === undefined) {
    warnings.push('CACHE_WARMUP_ON_STARTUP: has no effect in standalone mode without CACHE_WARMUP_FILE');
  }
  if (!onStartup && file !== undefined) {
    warnings.push('CACHE_WARMUP_FILE: has no effect without CACHE_WARMUP_ON_STARTUP');
  }
  if (config.access.jwt === undefined) {
    for (const name of ['AUTH_JWT_AUDIENCE', 'AUTH_JWT_ISSUER'])
      if (env[name]) warnings.push(`${name}: has no effect without AUTH_JWKS_FILE or AUTH_JWKS_URL`);
  }
  return [...warnings, ...tracingWarnings(env, config.tracing)];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
