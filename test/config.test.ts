import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { inspect, parseEnv } from 'node:util';
import {
  ConfigError,
  configurationPage,
  describe,
  type Environment,
  EXIT_CONFIG,
  envExample,
  flagOf,
  helpOf,
  loadConfig,
  VARIABLE_NAMES,
  VARIABLES,
  type VariableName,
} from '../src/config/config.ts';

const REDIS = { REDIS_HOST: 'redis.internal', REDIS_PORT: '6379', REDIS_PASSWORD: 'hunter2' };

/** Overrides that replace the one server. */
const NO_SERVER = { REDIS_HOST: undefined, REDIS_PORT: undefined };
const SENTINEL = { ...NO_SERVER, REDIS_SENTINELS: 's1:26379,[::1]:26380', REDIS_SENTINEL_NAME: 'rates' };
const TRACING = { OTEL_TRACES_EXPORTER: 'otlp' };
const CLUSTER = { ...NO_SERVER, REDIS_CLUSTER_NODES: 'a:7001,b:7002' };

const withRedis = (env: Environment = {}) => loadConfig({ ...REDIS, ...env }, { standalone: false });
const alone = (env: Environment = {}) => loadConfig(env, { standalone: true });

function faultsOf(env: Environment, standalone = false): ConfigError {
  try {
    loadConfig(env, { standalone });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error;
  }
  assert.fail('the configuration was accepted');
}

const names = (error: ConfigError) => error.faults.map(({ variable }) => variable);

/** The one fault of an environment that is good but for it. */
function faultOf(env: Environment, standalone = false) {
  const { faults } = faultsOf(standalone ? env : { ...REDIS, ...env }, standalone);
  assert.equal(faults.length, 1, inspect(faults));
  return faults[0]!;
}

test('every variable of the runbook has the default of the runbook', () => {
  const { config, warnings } = withRedis();
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.redis?.topology, { kind: 'single', host: 'redis.internal', port: 6379 });
  assert.equal(config.redis.password?.reveal(), 'hunter2');
  assert.equal(config.redis.db, 0);
  assert.equal(config.redis.maxConnections, 100);
  assert.deepEqual(config.ttl, {
    borrowRateMs: 300_000,
    volatilityMs: 900_000,
    eventRiskMs: 3_600_000,
    brokerConfigMs: 1_800_000,
    calculationMs: 60_000,
    minRateMs: 86_400_000,
  });
  assert.equal(config.local.enabled, true);
  assert.equal(config.local.maxEntries, 1000);
  assert.equal(config.local.ttlMs, 60_000);
  assert.equal(config.pubsub.enabled, true);
  assert.equal(config.pubsub.channel, 'cache_invalidation');
  assert.equal(config.stats.enabled, true);
  assert.equal(config.warmup.onStartup, false);
});

test('every variable outside the runbook has its default', () => {
  const { config } = withRedis();
  assert.deepEqual(config.http, {
    host: '127.0.0.1',
    port: 8000,
    reusePort: false,
    idleTimeoutMs: 75_000,
    maxAge: 'none',
    addonFile: undefined,
    readyRequiresRedis: false,
  });
  assert.deepEqual(config.access, {
    tokensFile: undefined,
    jwt: undefined,
    auditWrites: false,
    insecureOpen: false,
    allowedHosts: [],
    opsPort: undefined,
  });
  assert.deepEqual(config.shutdown, { graceMs: 500, timeoutMs: 10_000 });
  assert.equal(config.redis?.username, undefined);
  assert.equal(config.redis?.commandTimeoutMs, 40);
  assert.equal(config.redis?.connectTimeoutMs, 2000);
  assert.equal(config.redis?.tls, undefined);
  assert.equal(config.redis?.passwordFile, undefined);
  assert.equal(config.redis?.minReplicasAck, 0);
  assert.deepEqual(config.store, { keyPrefix: 'borrow_rate_engine:', compressionThresholdBytes: 4096 });
  assert.equal(config.local.maxBytes, 0);
  assert.equal(config.local.cleanupIntervalMs, 30_000);
  assert.equal(config.pubsub.heartbeatIntervalMs, 250);
  assert.equal(config.pubsub.heartbeatTimeoutMs, 1000);
  assert.deepEqual(config.limits, {
    maxValueBytes: 1_048_576,
    maxKeyBytes: 512,
    maxBatchKeys: 1000,
    maxBodyBytes: 8_388_608,
    maxBufferedBodyBytes: 268_435_456,
    maxAnswerBytes: 8_388_608,
    maxInvalidationKeys: 100_000,
    maxConnections: 0,
    addressRequestsPerSecond: 0,
    addressBytesPerSecond: 0,
  });
  assert.deepEqual(config.warmup, {
    onStartup: false,
    file: undefined,
    format: 'auto',
    maxAgeMs: 86_400_000,
    pattern: '*',
    timeoutMs: 30_000,
  });
  assert.equal(config.stats.maxAgeMs, 10_000);
  assert.equal(config.log.level, 'info');
});

test('every default, written as text, is read as itself', () => {
  const written: Record<string, string> = {};
  for (const name of VARIABLE_NAMES) {
    const initial = VARIABLES[name].default;
    if (initial !== undefined) written[name] = String(initial);
  }
  assert.deepEqual(withRedis(written), withRedis());
});

test('every variable changes the configuration', () => {
  const other: Record<string, string> = {
    HOST: '::1',
    HTTP_MAX_AGE: 'ttl',
    PROCESSES: '2',
    ENV_FILE: '/etc/ratecache.env',
    KEY_PREFIX: 'test:',
    LOG_LEVEL: 'debug',
    DEPENDENCIES: 'none',
    MIN_RATE_FALLBACK_ON: 'halted',
    CACHE_WARMUP_FORMAT: 'ibkr',
    // These two have other variables as their least value.
    HEARTBEAT_TIMEOUT_MS: '2000',
    MAX_BUFFERED_BODY_BYTES: '999999999',
    REDIS_PASSWORD: '',
    UWS_ADDON: '/lib/uws.node',
    WS_ALLOWED_ORIGINS: '*',
    WS_MAX_FRAME_BYTES: '4096',
    AUTH_JWKS_URL: 'https://issuer.example.com/keys',
    REDIS_SENTINELS: 'b:2',
    REDIS_CLUSTER_NODES: 'b:2',
    REDIS_CLUSTER_NAT_MAP: 'a:1=b:2',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
    OTEL_PROPAGATORS: 'none',
    OTEL_RESOURCE_ATTRIBUTES: 'a=b',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=b',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces',
    // At least OTEL_BSP_MAX_EXPORT_BATCH_SIZE.
    OTEL_BSP_MAX_QUEUE_SIZE: '9999',
  };
  const jwt = { AUTH_JWT_AUDIENCE: 'rates', AUTH_JWT_ISSUER: 'https://issuer.example.com' };
  const tls = { TLS_CERT_FILE: 'cert', TLS_KEY_FILE: 'key' };
  const keys = { ...jwt, AUTH_JWKS_FILE: '/keys.json' };
  const redisTls = { REDIS_TLS: 'true' };
  /** Variables that have an effect, or are valid, only with others. */
  const companions: Record<string, Environment> = {
    REDIS_SENTINELS: SENTINEL,
    REDIS_SENTINEL_NAME: SENTINEL,
    REDIS_SENTINEL_USERNAME: SENTINEL,
    REDIS_SENTINEL_PASSWORD: SENTINEL,
    REDIS_CLUSTER_NODES: CLUSTER,
    REDIS_CLUSTER_NAT_MAP: CLUSTER,
    REDIS_PASSWORD_FILE: { REDIS_PASSWORD: undefined, REDIS_PASSWORD_FILE: '/password' },
    REDIS_TLS_CA_FILE: redisTls,
    REDIS_TLS_CERT_FILE: { ...redisTls, REDIS_TLS_CERT_FILE: 'a', REDIS_TLS_KEY_FILE: 'a' },
    REDIS_TLS_KEY_FILE: { ...redisTls, REDIS_TLS_CERT_FILE: 'a', REDIS_TLS_KEY_FILE: 'a' },
    REDIS_TLS_SERVERNAME: redisTls,
    AUTH_JWKS_FILE: jwt,
    AUTH_JWKS_URL: jwt,
    AUTH_JWT_AUDIENCE: keys,
    AUTH_JWT_ISSUER: keys,
    TLS_CERT_FILE: tls,
    TLS_KEY_FILE: tls,
    TLS_CA_FILE: tls,
    TLS_CIPHERS: tls,
  };
  for (const name of VARIABLE_NAMES) {
    const variable = VARIABLES[name];
    // Traces have one protocol, and any other is a fault.
    if (name.endsWith('_PROTOCOL')) continue;
    const value =
      other[name] ??
      (variable.kind === 'boolean' ? String(!variable.default) : variable.kind === 'integer' ? '99' : 'x');
    const isOfTracing = name.startsWith('OTEL_') && name !== 'OTEL_TRACES_EXPORTER';
    const around = companions[name] ?? (isOfTracing ? TRACING : {});
    assert.notDeepEqual(
      describe(withRedis({ ...around, [name]: value }).config),
      describe(withRedis(around).config),
      name,
    );
  }
});

test('traces are off unless OTEL_TRACES_EXPORTER is otlp, and then begin with the defaults of the specification', () => {
  assert.equal(withRedis().config.tracing, undefined);
  assert.equal(withRedis({ ...TRACING, OTEL_SDK_DISABLED: 'true' }).config.tracing, undefined);
  const { sdk, ...options } = withRedis(TRACING).config.tracing!;
  assert.deepEqual(options, {
    sampler: 'parentbased_always_on',
    ratio: 1,
    continuesTraces: true,
    batches: { delayMs: 5000, timeoutMs: 30_000, maxQueue: 2048, maxBatch: 512 },
  });
  assert.deepEqual(new Set(Object.values(sdk)), new Set([undefined]));
});

test('without traces, variables of OpenTelemetry may be those of another program', () => {
  const foreign = {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_NODE_RESOURCE_DETECTORS: 'env',
  };
  assert.deepEqual(withRedis(foreign), withRedis());
  assert.deepEqual(withRedis({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }).warnings, [
    'OTEL_EXPORTER_OTLP_ENDPOINT: has no effect without OTEL_TRACES_EXPORTER=otlp',
  ]);
});

test('with traces, what the exporter cannot do is a fault', () => {
  const cases: [name: string, value: string, expected: RegExp][] = [
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /^http\/protobuf, which is what the exporter/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'smoke', /^one of http\/protobuf, http\/json, grpc$/],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/json', /^http\/protobuf, which is what the exporter/],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote', /^one of parentbased_always_on/],
    ['OTEL_TRACES_SAMPLER_ARG', '2', /^a number from 0 to 1/],
    ['OTEL_TRACES_SAMPLER_ARG', '1 %', /^a number from 0 to 1/],
    ['OTEL_PROPAGATORS', 'b3', /^tracecontext, baggage/],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', /^a URL/],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://name:secret@collector:4318', /^a URL/],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=b,foo', /^pairs as name=value/],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=b=c', /^pairs/],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%FF', /^pairs/],
    ['OTEL_RESOURCE_ATTRIBUTES', `a=${'b'.repeat(256)}`, /^pairs/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'nonsense', /^pairs as name=value/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=1,=2', /^pairs/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=1;b', /^pairs/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=1', /^pairs/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%0d', /^pairs/],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '9', /^at most OTEL_BSP_MAX_QUEUE_SIZE/],
  ];
  for (const [name, value, expected] of cases)
    assert.match(faultOf({ ...TRACING, [name]: value }).expected, expected, `${name}=${value}`);
  for (const pairs of ['', 'a=b', ' a = b , c=%C3%BC%2C,', 'team=,x=1'])
    assert.equal(withRedis({ ...TRACING, OTEL_RESOURCE_ATTRIBUTES: pairs }).warnings.length, 0, pairs);
  for (const pairs of ['', 'authorization=Bearer%20a==,x-team = rates'])
    assert.equal(withRedis({ ...TRACING, OTEL_EXPORTER_OTLP_HEADERS: pairs }).warnings.length, 0, pairs);
  const { warnings } = withRedis({ ...TRACING, OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'hunter2' });
  assert.deepEqual(warnings, [
    'OTEL_EXPORTER_OTLP_TRACES_HEADERS: (hidden), expected pairs as name=value; the others are not sent',
  ]);
  const both = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' };
  assert.notEqual(withRedis({ ...TRACING, ...both }).config.tracing, undefined);
  assert.match(faultOf({ OTEL_TRACES_EXPORTER: 'zipkin' }).expected, /^one of none, otlp$/);
});

test('a share of traced requests is warned of if the sampler disregards it', () => {
  const warningsOf = (env: Environment) =>
    withRedis({ ...TRACING, OTEL_TRACES_SAMPLER_ARG: '0.01', ...env }).warnings;
  assert.deepEqual(warningsOf({}), [
    'OTEL_TRACES_SAMPLER_ARG: has no effect with OTEL_TRACES_SAMPLER=parentbased_always_on; use parentbased_traceidratio',
  ]);
  assert.equal(warningsOf({ OTEL_TRACES_SAMPLER: 'always_off' }).length, 1);
  for (const env of [
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' },
    { OTEL_TRACES_SAMPLER: 'traceidratio' },
    { OTEL_TRACES_SAMPLER_ARG: '1' },
    { OTEL_SDK_DISABLED: 'true' },
  ])
    assert.deepEqual(warningsOf(env), [], JSON.stringify(env));
});

test('a faulty rule of dependencies is reported with what was expected', () => {
  const { faults } = faultsOf({ ...REDIS, DEPENDENCIES: 'a:{x}=b:{y}' });
  assert.deepEqual(faults, [
    {
      variable: 'DEPENDENCIES',
      actual: '"a:{x}=b:{y}"',
      expected: 'placeholders of a:{x} in its inputs; b:{y} has {y}, which it lacks',
    },
  ]);
});

test('all faults are reported at once, each with its value and what was expected', () => {
  const error = faultsOf({
    ...REDIS,
    REDIS_PORT: '70000',
    BORROW_RATE_TTL: '300s',
    ENABLE_PUBSUB: 'perhaps',
    LOG_LEVEL: 'loud',
    KEY_PREFIX: 'rates:*',
  });
  assert.deepEqual(names(error), [
    'REDIS_PORT',
    'KEY_PREFIX',
    'BORROW_RATE_TTL',
    'ENABLE_PUBSUB',
    'LOG_LEVEL',
  ]);
  assert.deepEqual(error.faults[2], {
    variable: 'BORROW_RATE_TTL',
    actual: '"300s"',
    expected: 'a whole number from 1 to 315360000',
  });
  for (const { variable, actual, expected } of error.faults) {
    assert.ok(error.message.includes(`${variable}: ${actual}, expected ${expected}`), error.message);
  }
});

test('faults of combined variables are reported together with faults of single variables', () => {
  const error = faultsOf({ ...REDIS, REDIS_MAX_CONNECTIONS: '1', PORT: 'http' });
  assert.deepEqual(names(error), ['PORT', 'REDIS_MAX_CONNECTIONS']);
});

test('the exit code for a faulty configuration is EX_CONFIG', () => {
  assert.equal(EXIT_CONFIG, 78);
});

test('without standalone, REDIS_HOST, REDIS_PORT and REDIS_PASSWORD are required', () => {
  const error = faultsOf({});
  assert.deepEqual(names(error), ['REDIS_HOST', 'REDIS_PORT', 'REDIS_PASSWORD']);
  assert.ok(error.faults.every(({ actual }) => actual === '(not set)'));
  assert.match(error.faults[0]!.expected, /--standalone/);
  assert.match(error.faults[2]!.expected, /the empty string for a server without a password/);
});

test('an empty REDIS_PASSWORD is a server without a password', () => {
  assert.equal(withRedis({ REDIS_PASSWORD: '' }).config.redis?.password?.reveal(), '');
});

test('Sentinels replace the host and the port of Redis', () => {
  const { config } = withRedis({
    ...SENTINEL,
    REDIS_SENTINEL_USERNAME: 'watcher',
    REDIS_SENTINEL_PASSWORD: 'hunter3',
  });
  const { topology } = config.redis!;
  assert.ok(topology.kind === 'sentinel');
  assert.deepEqual(topology.sentinels, [
    { host: 's1', port: 26_379 },
    { host: '::1', port: 26_380 },
  ]);
  assert.equal(topology.name, 'rates');
  assert.equal(topology.username, 'watcher');
  assert.equal(topology.password?.reveal(), 'hunter3');
  assert.doesNotMatch(JSON.stringify(describe(config)), /hunter/);
});

test('nodes of a Cluster replace the host and the port of Redis, and may have other addresses outside', () => {
  const { config } = withRedis({ ...CLUSTER, REDIS_CLUSTER_NAT_MAP: '10.0.0.1:6379=c:7003,[::1]:1=[::2]:2' });
  assert.deepEqual(config.redis?.topology, {
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 7001 },
      { host: 'b', port: 7002 },
    ],
    natMap: { '10.0.0.1:6379': { host: 'c', port: 7003 }, '::1:1': { host: '::2', port: 2 } },
  });
});

test('an address has a host and a port from 1 to 65535', () => {
  for (const text of ['a', 'a:0', 'a:65536', 'a:1,', ',a:1', 'a:1 b:2', '::1:2', 'redis://a:1', 'a:b'])
    assert.equal(
      faultOf({ ...SENTINEL, REDIS_SENTINEL_NAME: undefined, REDIS_SENTINELS: text }).variable,
      'REDIS_SENTINELS',
      text,
    );
  for (const text of ['a:1', 'a:1=b', '=', 'a:1=b:2,'])
    assert.equal(
      faultOf({ ...CLUSTER, REDIS_CLUSTER_NAT_MAP: text }).variable,
      'REDIS_CLUSTER_NAT_MAP',
      text,
    );
});

test('each contradiction of variables of Redis is one fault', () => {
  const tls = { REDIS_TLS: 'true' };
  for (const [env, variable] of [
    [{ REDIS_SENTINELS: 'a:1', REDIS_SENTINEL_NAME: 'rates' }, 'REDIS_SENTINELS'],
    [{ REDIS_CLUSTER_NODES: 'a:1' }, 'REDIS_CLUSTER_NODES'],
    [{ ...SENTINEL, REDIS_CLUSTER_NODES: 'a:1' }, 'REDIS_CLUSTER_NODES'],
    [{ ...SENTINEL, REDIS_PORT: '6379' }, 'REDIS_SENTINELS'],
    [{ ...SENTINEL, REDIS_SENTINEL_NAME: undefined }, 'REDIS_SENTINEL_NAME'],
    [{ REDIS_SENTINEL_NAME: 'rates', REDIS_SENTINEL_USERNAME: 'a' }, 'REDIS_SENTINEL_NAME'],
    [{ REDIS_SENTINEL_PASSWORD: 'hunter3' }, 'REDIS_SENTINEL_PASSWORD'],
    [{ REDIS_CLUSTER_NAT_MAP: 'a:1=b:1' }, 'REDIS_CLUSTER_NAT_MAP'],
    [{ ...CLUSTER, REDIS_DB: '3' }, 'REDIS_DB'],
    [{ REDIS_PASSWORD_FILE: '/password' }, 'REDIS_PASSWORD_FILE'],
    [{ REDIS_TLS_CA_FILE: '/ca.pem', REDIS_TLS_SERVERNAME: 'a' }, 'REDIS_TLS_CA_FILE'],
    [{ ...tls, REDIS_TLS_CERT_FILE: '/a.pem' }, 'REDIS_TLS_KEY_FILE'],
    [{ ...tls, REDIS_TLS_KEY_FILE: '/a.pem' }, 'REDIS_TLS_CERT_FILE'],
  ] as [Environment, VariableName][])
    assert.equal(faultOf(env).variable, variable, inspect(env));
});

test('an empty password of Redis or of Sentinels is no contradiction', () => {
  const { config } = withRedis({
    REDIS_PASSWORD: '',
    REDIS_PASSWORD_FILE: '/password',
    REDIS_SENTINEL_PASSWORD: '',
  });
  assert.equal(config.redis?.passwordFile, '/password');
});

test('REDIS_PASSWORD_FILE replaces REDIS_PASSWORD', () => {
  const { config } = withRedis({ REDIS_PASSWORD: undefined, REDIS_PASSWORD_FILE: '/password' });
  assert.equal(config.redis?.password, undefined);
  assert.equal(config.redis?.passwordFile, '/password');
});

test('TLS has its files and the name of the server', () => {
  const env = {
    REDIS_TLS: 'on',
    REDIS_TLS_CA_FILE: '/ca.pem',
    REDIS_TLS_CERT_FILE: '/cert.pem',
    REDIS_TLS_KEY_FILE: '/key.pem',
    REDIS_TLS_SERVERNAME: 'redis.internal',
  };
  assert.deepEqual(withRedis(env).config.redis?.tls, {
    caFile: '/ca.pem',
    certFile: '/cert.pem',
    keyFile: '/key.pem',
    servername: 'redis.internal',
  });
});

test('an empty string counts as unset for every variable but a secret', () => {
  assert.equal(withRedis({ BORROW_RATE_TTL: '', REDIS_USERNAME: '' }).config.ttl.borrowRateMs, 300_000);
  assert.deepEqual(faultOf({ REDIS_HOST: '' }).actual, '(not set)');
});

test('standalone needs nothing, and ignores REDIS_*, faults included', () => {
  for (const { config } of [alone(), loadConfig({ STANDALONE: 'yes' }, { standalone: false })]) {
    assert.equal(config.standalone, true);
    assert.equal(config.redis, undefined);
    assert.equal(config.pubsub.enabled, false);
  }
  const { config, warnings } = alone({ REDIS_HOST: 'a', REDIS_PORT: 'tcp://10.0.0.1:6379' });
  assert.equal(config.redis, undefined);
  assert.deepEqual(warnings, ['REDIS_HOST: has no effect in standalone mode']);
});

test('standalone without the local cache is a fault', () => {
  assert.equal(faultOf({ ENABLE_LOCAL_CACHE: 'false' }, true).variable, 'ENABLE_LOCAL_CACHE');
  assert.equal(withRedis({ ENABLE_LOCAL_CACHE: 'false' }).config.local.enabled, false);
});

test('the invalidation link needs a second connection', () => {
  assert.equal(faultOf({ REDIS_MAX_CONNECTIONS: '1' }).actual, '"1"');
  assert.equal(
    withRedis({ REDIS_MAX_CONNECTIONS: '1', ENABLE_PUBSUB: 'off' }).config.redis?.maxConnections,
    1,
  );
});

test('writes that wait for replicas need one more connection', () => {
  const env = { REDIS_MIN_REPLICAS_ACK: '1' };
  assert.equal(
    faultOf({ ...env, REDIS_MAX_CONNECTIONS: '2' }).expected,
    'at least 3 with ENABLE_PUBSUB and REDIS_MIN_REPLICAS_ACK',
  );
  assert.equal(withRedis({ ...env, REDIS_MAX_CONNECTIONS: '3' }).config.redis?.minReplicasAck, 1);
});

test('a heartbeat must be given longer than its interval', () => {
  const fault = faultOf({ HEARTBEAT_INTERVAL_MS: '1000' });
  assert.equal(fault.variable, 'HEARTBEAT_TIMEOUT_MS');
  assert.equal(fault.actual, '(not set, default 1000)');
});

test('the memory for bodies must hold the longest body', () => {
  assert.equal(faultOf({ MAX_BODY_BYTES: '300000000' }).variable, 'MAX_BUFFERED_BODY_BYTES');
  assert.equal(faultOf({ MAX_VALUE_BYTES: '300000000' }).variable, 'MAX_BUFFERED_BODY_BYTES');
});

test('keys for JWTs have one source, and need an audience and an issuer', () => {
  const jwt = { AUTH_JWT_AUDIENCE: 'rates', AUTH_JWT_ISSUER: 'https://issuer.example.com' };
  const url = 'https://issuer.example.com/keys';
  assert.equal(faultOf({ ...jwt, AUTH_JWKS_FILE: 'a', AUTH_JWKS_URL: url }).variable, 'AUTH_JWKS_URL');
  const error = faultsOf({ ...REDIS, AUTH_JWKS_FILE: 'a' });
  assert.deepEqual(names(error), ['AUTH_JWT_AUDIENCE', 'AUTH_JWT_ISSUER']);
  assert.deepEqual(withRedis({ ...jwt, AUTH_JWKS_URL: url }).config.access.jwt, {
    keys: { url },
    audience: 'rates',
    issuer: 'https://issuer.example.com',
  });
  assert.equal(withRedis().config.access.jwt, undefined);
  assert.deepEqual(
    withRedis(jwt).warnings.map((warning) => warning.split(':')[0]),
    ['AUTH_JWT_AUDIENCE', 'AUTH_JWT_ISSUER'],
  );
});

test('the URL of keys is https, or http on the loopback address, and contains no password', () => {
  const jwt = { AUTH_JWT_AUDIENCE: 'rates', AUTH_JWT_ISSUER: 'https://issuer.example.com' };
  for (const url of ['https://a.example/keys', 'http://127.0.0.1:8080/keys', 'http://localhost'])
    assert.deepEqual(withRedis({ ...jwt, AUTH_JWKS_URL: url }).config.access.jwt?.keys, { url });
  for (const url of ['http://a.example/keys', 'http://127.0.0.1.a.example/', 'https://me:hunter2@a.example/'])
    assert.equal(faultOf({ ...jwt, AUTH_JWKS_URL: url }).variable, 'AUTH_JWKS_URL');
});

test('the port for operators differs from the port of values', () => {
  assert.equal(faultOf({ OPS_PORT: '8000' }).variable, 'OPS_PORT');
  assert.equal(withRedis({ OPS_PORT: '0', PORT: '0' }).config.access.opsPort, 0);
  assert.equal(withRedis().config.access.opsPort, undefined);
});

test('allowed hosts are a list of names and addresses without ports', () => {
  const hosts = 'rates.example.com,10.0.0.7,[::1]';
  assert.deepEqual(withRedis({ ALLOWED_HOSTS: hosts }).config.access.allowedHosts, hosts.split(','));
  for (const text of ['a:80', 'http://a', 'a,,b', ',a', 'a b', '*'])
    assert.equal(faultOf({ ALLOWED_HOSTS: text }).variable, 'ALLOWED_HOSTS', text);
});

test('a whole number is plain decimal digits within its bounds', () => {
  for (const text of [
    '300s',
    '1e3',
    '1.5',
    '0x10',
    ' 5',
    '5\n',
    '+5',
    '-1',
    '007',
    '99999999999999999999',
    '0',
  ]) {
    assert.equal(faultOf({ BORROW_RATE_TTL: text }).actual, JSON.stringify(text));
  }
  assert.equal(withRedis({ BORROW_RATE_TTL: '1' }).config.ttl.borrowRateMs, 1000);
  assert.equal(withRedis({ PORT: '0' }).config.http.port, 0);
  assert.equal(withRedis({ MIN_RATE_TTL: '315360000' }).config.ttl.minRateMs, 315_360_000_000);
  assert.equal(faultOf({ MIN_RATE_TTL: '315360001' }).variable, 'MIN_RATE_TTL');
});

test('a boolean is read in four spellings and any case', () => {
  for (const text of ['true', '1', 'yes', 'on', 'TRUE', 'On']) {
    assert.equal(withRedis({ REUSE_PORT: text }).config.http.reusePort, true, text);
  }
  for (const text of ['false', '0', 'no', 'off', 'False', 'NO']) {
    assert.equal(withRedis({ ENABLE_PUBSUB: text }).config.pubsub.enabled, false, text);
  }
  assert.equal(faultOf({ REUSE_PORT: 'y' }).actual, '"y"');
});

test('a key prefix holds no character of a glob pattern', () => {
  for (const text of ['a*', 'a?', '[a', 'a]', 'a\\', 'a\tb']) {
    assert.equal(faultOf({ KEY_PREFIX: text }).variable, 'KEY_PREFIX', text);
  }
});

test('a host is a name or an address, not a URL or a host with its port', () => {
  for (const text of [
    'localhost',
    '10.0.0.1',
    '::1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    'redis-0.redis.svc',
  ]) {
    const { config } = withRedis({ REDIS_HOST: text });
    assert.deepEqual(config.redis?.topology, { kind: 'single', host: text, port: 6379 });
  }
  for (const text of ['redis://localhost', 'localhost:6379', '[::1]', 'local host', '/run/redis.sock']) {
    assert.equal(faultOf({ REDIS_HOST: text }).variable, 'REDIS_HOST', text);
  }
});

test('a warm-up file is a path that can name a file', () => {
  assert.equal(
    withRedis({ CACHE_WARMUP_FILE: '/data/usa file.txt' }).config.warmup.file,
    '/data/usa file.txt',
  );
  assert.equal(faultOf({ CACHE_WARMUP_FILE: '/data/' }).variable, 'CACHE_WARMUP_FILE');
  assert.equal(faultOf({ CACHE_WARMUP_FILE: 'a\nb' }).variable, 'CACHE_WARMUP_FILE');
});

test('warm-up settings that have no effect are warned of', () => {
  assert.match(alone({ CACHE_WARMUP_ON_STARTUP: 'true' }).warnings.join(), /^CACHE_WARMUP_ON_STARTUP: /);
  assert.match(alone({ CACHE_WARMUP_FILE: 'a.txt' }).warnings.join(), /^CACHE_WARMUP_FILE: /);
  assert.deepEqual(alone({ CACHE_WARMUP_ON_STARTUP: 'true', CACHE_WARMUP_FILE: 'a.txt' }).warnings, []);
});

test('a faulty secret is hidden in the fault and in the message', () => {
  const error = faultsOf({ ...REDIS, REDIS_PASSWORD: 'hunter2\n' });
  assert.equal(error.faults[0]?.actual, '(hidden)');
  assert.doesNotMatch(inspect(error, { depth: 9 }), /hunter2/);
});

test('a password inside a URL that was put in the wrong variable is hidden too', () => {
  const error = faultsOf({
    ...REDIS,
    REDIS_HOST: 'redis://me:hun@ter2@redis:6379',
    REDIS_PORT: 'me:hunter2@a',
  });
  assert.equal(error.faults.length, 2);
  assert.doesNotMatch(error.message, /hun|ter2/);
});

test('a secret in the configuration shows only when asked for', () => {
  const { config } = withRedis();
  assert.doesNotMatch(inspect(config, { depth: 9, showHidden: true }), /hunter2/);
  assert.doesNotMatch(JSON.stringify(config), /hunter2/);
  assert.equal(`${config.redis?.password}`, '***');
  const { redis } = describe(config) as { redis: { password: string } };
  assert.equal(redis.password, '***');
});

test('the configuration is deeply frozen', () => {
  const { config } = withRedis();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    assert.ok(Object.isFrozen(value), inspect(value));
    Object.values(value).forEach(walk);
  };
  walk(config);
});

test('a near miss of a variable is warned of with the nearest name', () => {
  const { warnings } = withRedis({ LOCAL_CACHE_MAX_SIEZ: '5', ENABLE_PUB_SUB: 'no', key_prefix: 'a:' });
  assert.deepEqual(warnings, [
    'ENABLE_PUB_SUB: unknown variable, did you mean ENABLE_PUBSUB?',
    'LOCAL_CACHE_MAX_SIEZ: unknown variable, did you mean LOCAL_CACHE_MAX_SIZE?',
    'key_prefix: unknown variable, did you mean KEY_PREFIX?',
  ]);
});

test('a near miss is reported with the fault that it causes, without its value', () => {
  const error = faultsOf({ REDIS_HOTS: 'a', REDIS_PORT: '6379', REDIS_PASWORD: 'hunter2' });
  assert.deepEqual(names(error), ['REDIS_HOST', 'REDIS_PASSWORD']);
  assert.match(error.message, /REDIS_HOTS: unknown variable, did you mean REDIS_HOST\?/);
  assert.match(error.message, /REDIS_PASWORD: unknown variable, did you mean REDIS_PASSWORD\?/);
  assert.doesNotMatch(error.message, /hunter2/);
});

test('any unknown REDIS_ variable is warned of', () => {
  assert.deepEqual(withRedis({ REDIS_FAMILY: '6' }).warnings, [
    'REDIS_FAMILY: unknown variable without effect',
  ]);
});

test('variables of other programs and of Kubernetes are not warned of', () => {
  const foreign = {
    PATH: '/bin',
    ENABLE_EXPERIMENTAL_COREPACK: '1',
    MAX_JOBS: '4',
    LOG_FILE: 'a',
    PORT_RANGE: '1-2',
    CACHE_DIR: 'a',
    REDIS_SERVICE_HOST: '10.0.0.1',
    REDIS_SERVICE_PORT: '6379',
    REDIS_SERVICE_PORT_REDIS: '6379',
    REDIS_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
    REDIS_PORT_6379_TCP_ADDR: '10.0.0.1',
    REDIS_MASTER_PORT: 'tcp://10.0.0.1:6379',
    CACHE_SERVICE_SERVICE_HOST: '10.0.0.2',
  };
  assert.deepEqual(withRedis(foreign).warnings, []);
});

test('a REDIS_PORT that Kubernetes has set is explained', () => {
  assert.match(faultOf({ REDIS_PORT: 'tcp://10.0.0.1:6379' }).expected, /Kubernetes/);
});

test('a flag is the name of its variable in lower case with dashes', () => {
  assert.equal(flagOf('REDIS_HOST'), '--redis-host');
  assert.equal(flagOf('STANDALONE'), '--standalone');
});

test('the help of a variable has its unit, its default and whether it is required', () => {
  assert.equal(
    helpOf('REDIS_COMMAND_TIMEOUT_MS'),
    'How long to wait for the answer to a command. (ms; default 40)',
  );
  assert.match(helpOf('KEY_PREFIX'), /\(default borrow_rate_engine:\)$/);
  assert.match(helpOf('REDIS_PASSWORD'), /\(required unless standalone or with REDIS_PASSWORD_FILE\)$/);
  assert.match(helpOf('CACHE_WARMUP_FORMAT'), /one of auto, ibkr, ndjson; default auto\)$/);
});

test('every variable is documented with one sentence, and its name ends in its unit where that is ours', () => {
  for (const name of VARIABLE_NAMES) {
    assert.match(VARIABLES[name].doc, /^[A-Z].*\.$/, name);
    const { unit } = VARIABLES[name];
    if (name.endsWith('_MS')) assert.equal(unit, 'ms', name);
    if (name.endsWith('_SECONDS') || name.endsWith('_TTL')) assert.equal(unit, 'seconds', name);
    if (name.endsWith('_BYTES')) assert.equal(unit, 'bytes', name);
  }
});

test('.env.example and docs/configuration.md have every variable as the table defines it', () => {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  const hint = 'run node scripts/env-example.ts';
  assert.equal(read('.env.example'), envExample(), hint);
  assert.equal(read('docs/configuration.md'), configurationPage(), hint);
});

test('.env.example with every line uncommented is the default configuration', () => {
  const env = parseEnv(envExample().replaceAll(/^#(?=[A-Z_]+=)/gm, '')) as Record<VariableName, string>;
  assert.deepEqual(Object.keys(env).sort(), [...VARIABLE_NAMES].sort());
  assert.deepEqual(alone(env), alone());
});
