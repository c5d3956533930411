/**
 * The table of environment variables. It is the source of defaults, units, bounds, documentation, `.env.example`, flags
 * and help. A new variable needs a row here, or in one of the `*-variables.ts`, and a line in `assemble` of `./config.ts`.
 */
import { DEFAULT_RULES } from '../cache/dependencies/rules.ts';
import { ACCESS_VARIABLES } from './access-variables.ts';
import { boolean, choice, integer, text, type Variable } from './kinds.ts';
import { LIMIT_VARIABLES } from './limit-variables.ts';
import { ABSOLUTE_PATH, FILE_PATH, HOST_EXPECTED, HOST_NAME, NO_GLOB, PRINTABLE } from './patterns.ts';
import { PUSH_VARIABLES } from './push-variables.ts';
import { REDIS_VARIABLES } from './redis-variables.ts';
import { TLS_VARIABLES } from './tls-variables.ts';
import { TRACING_VARIABLES } from './tracing-variables.ts';

const DAY = 86_400;
const TEN_YEARS = 3650 * DAY;
const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
/** The longest string that Redis stores. */
const REDIS_VALUE_LIMIT = 512 * MiB;

/** The TTL of values of one type. */
const ttl = (seconds: number, doc: string) =>
  integer({ group: 'ttl', default: seconds, unit: 'seconds', within: [1, TEN_YEARS], doc });

export const VARIABLES = {
  STANDALONE: boolean({
    group: 'server',
    default: false,
    doc: 'Serve from the local cache only, without Redis; all REDIS_* variables are ignored.',
  }),
  HOST: text({
    group: 'server',
    default: '127.0.0.1',
    pattern: HOST_NAME,
    expected: HOST_EXPECTED,
    doc: 'Address to listen on; 0.0.0.0 listens on all addresses.',
  }),
  PORT: integer({
    group: 'server',
    default: 8000,
    within: [0, 65_535],
    note: '0 selects a free port',
    doc: 'Port for HTTP and WebSocket.',
  }),
  REUSE_PORT: boolean({
    group: 'server',
    default: false,
    doc: 'Allow several processes on one machine to listen on the same port.',
  }),
  PROCESSES: text({
    group: 'server',
    default: '1',
    pattern: /^(auto|[1-9]|[1-5]\d|6[0-4])$/,
    expected: 'a whole number from 1 to 64, or auto',
    doc: 'How many processes serve PORT, each with its own L1 and its own connections to Redis; auto is one for each whole core that the cgroup limit or the machine allows, at most 64.',
  }),
  ENV_FILE: text({
    group: 'server',
    pattern: ABSOLUTE_PATH,
    expected: 'the absolute path of a file, without control characters and without / at its end',
    doc: 'File with more variables for serve, in the format of .env.example. The environment and the flags override it. SIGHUP reads it again.',
  }),
  HTTP_IDLE_TIMEOUT_SECONDS: integer({
    group: 'server',
    default: 75,
    unit: 'seconds',
    within: [5, 900],
    doc: 'How long an HTTP connection stays open after an answer; the addon for glibc before 2.38 always uses about 10.',
  }),
  HTTP_MAX_AGE: choice({
    group: 'server',
    default: 'none',
    of: ['none', 'ttl'],
    doc: 'How long HTTP caches may use a value without a question to the service: none, or the TTL of the value. With ttl they do not notice changes.',
  }),
  UWS_ADDON: text({
    group: 'server',
    pattern: ABSOLUTE_PATH,
    expected: 'the absolute path of a file, without control characters and without / at its end',
    doc: 'Addon of uWebSockets.js from a release of its author; unset loads the newest packaged addon that runs here.',
  }),
  READY_REQUIRES_REDIS: boolean({
    group: 'server',
    default: false,
    doc: 'Report ready on /readyz only while Redis is connected and answers.',
  }),
  SHUTDOWN_GRACE_MS: integer({
    group: 'server',
    default: 500,
    unit: 'ms',
    within: [0, 600_000],
    doc: 'How long a stopping process is not ready but still accepts requests, so that load balancers notice.',
  }),
  SHUTDOWN_TIMEOUT_MS: integer({
    group: 'server',
    default: 10_000,
    unit: 'ms',
    within: [1, 3_600_000],
    doc: 'How long a stopping process waits for open requests.',
  }),

  ...TLS_VARIABLES,

  ...ACCESS_VARIABLES,

  ...REDIS_VARIABLES,

  KEY_PREFIX: text({
    group: 'store',
    default: 'borrow_rate_engine:',
    pattern: NO_GLOB,
    expected: 'at least one character, none of them * ? [ ] \\ or a control character',
    doc: 'Prefix of every key in Redis.',
  }),
  COMPRESSION_THRESHOLD_BYTES: integer({
    group: 'store',
    default: 4 * KiB,
    unit: 'bytes',
    within: [0, REDIS_VALUE_LIMIT],
    note: '0 disables compression',
    doc: 'Values longer than this are compressed in Redis.',
  }),

  BORROW_RATE_TTL: ttl(300, 'TTL of `borrow_rate` values.'),
  VOLATILITY_TTL: ttl(900, 'TTL of `volatility` values.'),
  EVENT_RISK_TTL: ttl(3600, 'TTL of `event_risk` values.'),
  BROKER_CONFIG_TTL: ttl(1800, 'TTL of `broker_config` values.'),
  CALCULATION_RESULT_TTL: ttl(60, 'TTL of `calculation` values, and of values of any other type.'),
  MIN_RATE_TTL: ttl(86_400, 'TTL of `min_rate` values.'),

  DEPENDENCIES: text({
    group: 'dependencies',
    default: DEFAULT_RULES,
    pattern: PRINTABLE,
    expected: 'dependent=input,input;dependent=input without control characters, or none',
    doc: 'Which keys depend on which others: a value is not served after one of its inputs has changed. none disables this.',
  }),

  MIN_RATE_FALLBACK_ON: text({
    group: 'quality',
    default: 'miss',
    pattern: /^(miss|suspect|halted)(,(miss|suspect|halted))*$/,
    expected: 'a list of miss, suspect and halted, separated by commas',
    doc: 'When min_rate takes the place of a borrow_rate for readers who ask for this fallback: it has no value, is suspect or is halted.',
  }),

  ENABLE_LOCAL_CACHE: boolean({
    group: 'local',
    default: true,
    doc: 'Cache values in the memory of the process (L1).',
  }),
  LOCAL_CACHE_MAX_SIZE: integer({
    group: 'local',
    default: 1000,
    unit: 'entries',
    within: [1, 16_000_000],
    doc: 'Maximum number of entries; the least recently used entry is evicted first. The order is exact up to 16,384 entries.',
  }),
  LOCAL_CACHE_MAX_BYTES: integer({
    group: 'local',
    default: 0,
    unit: 'bytes',
    within: [0, 1024 * GiB],
    note: '0 sets no limit',
    doc: 'Maximum memory of all entries; an entry counts as its key, its value as written, and 280 bytes; 88 more with an origin, 160 more unless the value is msgpack or ASCII JSON of up to 4 KB.',
  }),
  LOCAL_CACHE_TTL: integer({
    group: 'local',
    default: 60,
    unit: 'seconds',
    within: [1, TEN_YEARS],
    doc: 'How long L1 serves an entry before it reads Redis again; in standalone mode, the TTL of the type applies.',
  }),
  LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: integer({
    group: 'local',
    default: 30,
    unit: 'seconds',
    within: [0, DAY],
    note: '0 removes them only on reads, evictions and POST /v1/cleanup',
    doc: 'How often expired entries and prepared parts of answers are removed.',
  }),

  ENABLE_PUBSUB: boolean({
    group: 'pubsub',
    default: true,
    doc: 'Receive changes from Redis to keep L1 coherent; without it, entries only expire.',
  }),
  PUBSUB_CHANNEL: text({
    group: 'pubsub',
    default: 'cache_invalidation',
    pattern: PRINTABLE,
    expected: 'a channel name without control characters',
    doc: 'Redis channel on which replicas publish and receive invalidations.',
  }),
  HEARTBEAT_INTERVAL_MS: integer({
    group: 'pubsub',
    default: 250,
    unit: 'ms',
    within: [10, 60_000],
    doc: 'How often the invalidation link is probed.',
  }),
  HEARTBEAT_TIMEOUT_MS: integer({
    group: 'pubsub',
    default: 1000,
    unit: 'ms',
    within: [20, 600_000],
    doc: 'How long the link may be silent before it counts as lost, which bounds staleness; more than HEARTBEAT_INTERVAL_MS.',
  }),

  ...LIMIT_VARIABLES,

  ...PUSH_VARIABLES,

  BREAKER_FAILURES: integer({
    group: 'faults',
    default: 5,
    unit: 'timeouts',
    within: [1, 1000],
    doc: 'Timeouts in a row that open the circuit breaker; Redis is then not used until a probe succeeds.',
  }),
  PENDING_WRITES_MAX_ENTRIES: integer({
    group: 'faults',
    default: 10_000,
    unit: 'writes',
    within: [0, 10_000_000],
    note: '0 disables them, and writes fail instead',
    doc: 'Maximum number of pending writes: writes that Redis has not accepted yet.',
  }),
  PENDING_WRITES_MAX_BYTES: integer({
    group: 'faults',
    default: 64 * MiB,
    unit: 'bytes',
    within: [0, 1024 * GiB],
    doc: 'Maximum memory of all pending writes.',
  }),
  PENDING_WRITES_MAX_CLIENT_PERCENT: integer({
    group: 'faults',
    default: 80,
    unit: '%',
    within: [1, 100],
    doc: 'Maximum share of the pending writes that one client may use: one token, or without tokens one address.',
  }),
  CACHE_REWARM_ON_DATA_LOSS: boolean({
    group: 'faults',
    default: false,
    doc: 'Write the entries of L1 back to a Redis that has restarted empty.',
  }),
  OVERLOAD_LOOP_DELAY_MS: integer({
    group: 'faults',
    default: 200,
    unit: 'ms',
    within: [0, 60_000],
    note: '0 disables this',
    doc: 'Delay of the event loop above which only reads of L1 hits are answered.',
  }),

  CACHE_WARMUP_ON_STARTUP: boolean({
    group: 'warmup',
    default: false,
    doc: 'Fill L1 before the service becomes ready: from CACHE_WARMUP_FILE if it is set, otherwise from Redis.',
  }),
  CACHE_WARMUP_FILE: text({
    group: 'warmup',
    pattern: FILE_PATH,
    expected: 'the path of a file, without control characters and without / at its end',
    doc: 'File to warm up from; unset loads the values from Redis.',
  }),
  CACHE_WARMUP_FORMAT: choice({
    group: 'warmup',
    default: 'auto',
    of: ['auto', 'ibkr', 'ndjson'],
    doc: 'Format of CACHE_WARMUP_FILE: a short-stock file (ibkr), or lines of {key, value, ttl?} (ndjson).',
  }),
  CACHE_WARMUP_MAX_AGE: integer({
    group: 'warmup',
    default: DAY,
    unit: 'seconds',
    within: [1, 36_500 * DAY],
    doc: 'Maximum age of a short-stock file in CACHE_WARMUP_FILE, by the time of its #BOF line; an older file is refused.',
  }),
  CACHE_WARMUP_PATTERN: text({
    group: 'warmup',
    default: '*',
    pattern: PRINTABLE,
    expected: 'a glob pattern without control characters',
    doc: 'Keys to load from Redis, as a glob without KEY_PREFIX.',
  }),
  CACHE_WARMUP_TIMEOUT_SECONDS: integer({
    group: 'warmup',
    default: 30,
    unit: 'seconds',
    within: [1, DAY],
    doc: 'How long warm-up may delay readiness.',
  }),

  ENABLE_CACHE_STATS: boolean({
    group: 'observe',
    default: true,
    doc: 'Report the statistics of /stats and the cache_service_* metrics.',
  }),
  STATS_MAX_AGE_SECONDS: integer({
    group: 'observe',
    default: 10,
    unit: 'seconds',
    within: [0, DAY],
    note: '0 counts them for each request',
    doc: 'Maximum age of the counts of keys in Redis by type.',
  }),
  LOG_LEVEL: choice({
    group: 'observe',
    default: 'info',
    of: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    doc: 'Least severe level that is logged.',
  }),
  SLOW_REQUEST_MS: integer({
    group: 'observe',
    default: 0,
    unit: 'ms',
    within: [0, 60_000],
    note: '0 logs none',
    doc: 'Requests that take at least this long are logged, with what they waited for; at most 10 lines a second.',
  }),
  ACCESS_LOG: text({
    group: 'observe',
    pattern: FILE_PATH,
    expected: 'the path of a file, without control characters and without / at its end',
    doc: 'File for lines about one in 64 reads and writes of keys, for ratecache replay; it contains keys, but no values.',
  }),

  ...TRACING_VARIABLES,
};

export type VariableName = keyof typeof VARIABLES;

/** The value of each variable by its name, as parsed. */
export type Values = {
  [Name in VariableName]: (typeof VARIABLES)[Name] extends Variable<infer T> ? T : never;
};

export const VARIABLE_NAMES = Object.keys(VARIABLES) as VariableName[];
