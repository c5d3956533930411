/**
 * The one table of environment variables. Defaults, units, bounds, documentation, `.env.example`, flags and help
 * all come from here. A new variable is a row here and a line in `assemble` of `./config.ts`.
 */
import { boolean, choice, integer, secret, text, UNLESS_STANDALONE, type Variable } from './kinds.ts';

const DAY = 86_400;
const TEN_YEARS = 3650 * DAY;
const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
/** The longest string that Redis stores. */
const REDIS_VALUE_LIMIT = 512 * MiB;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const PRINTABLE = /^[^\x00-\x1f\x7f]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const NO_GLOB = /^[^*?[\]\\\x00-\x1f\x7f]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const FILE_PATH = /^[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$/;
/** A name, an IPv4 address, or an IPv6 address (two colons at least, so that `host:port` is none). */
const HOST_NAME = /^([A-Za-z0-9_.-]+|[0-9a-fA-F]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*(%[\w.-]+)?)$/;
const HOST_EXPECTED = 'a host name or an IP address, without scheme, brackets or port';

/** `*`, or scheme and host, without a path. */
const ORIGINS = /^(\*|https?:\/\/[^\s,/]+(,https?:\/\/[^\s,/]+)*)$/;

/** A lifetime of values of one type. */
const lifetime = (seconds: number, doc: string) =>
  integer({ group: 'ttl', default: seconds, unit: 'seconds', within: [1, TEN_YEARS], doc });

export const VARIABLES = {
  STANDALONE: boolean({
    group: 'server',
    default: false,
    doc: 'Serve from the local cache alone, without Redis; every REDIS_* variable is then ignored.',
  }),
  HOST: text({
    group: 'server',
    default: '127.0.0.1',
    pattern: HOST_NAME,
    expected: HOST_EXPECTED,
    doc: 'Address to listen on; 0.0.0.0 listens on every one.',
  }),
  PORT: integer({
    group: 'server',
    default: 8000,
    within: [0, 65_535],
    note: '0 takes any free port',
    doc: 'Port of HTTP and WebSocket.',
  }),
  REUSE_PORT: boolean({
    group: 'server',
    default: false,
    doc: 'Let several processes of one machine listen on the same port.',
  }),
  READY_REQUIRES_REDIS: boolean({
    group: 'server',
    default: false,
    doc: 'Say ready on /readyz only while Redis is connected and answers.',
  }),
  SHUTDOWN_GRACE_MS: integer({
    group: 'server',
    default: 500,
    unit: 'ms',
    within: [0, 600_000],
    doc: 'How long a stopping process is not ready but still accepts, so that load balancers notice.',
  }),
  SHUTDOWN_TIMEOUT_MS: integer({
    group: 'server',
    default: 10_000,
    unit: 'ms',
    within: [1, 3_600_000],
    doc: 'How long a stopping process waits for the requests in flight.',
  }),

  REDIS_HOST: text({
    group: 'redis',
    required: UNLESS_STANDALONE,
    pattern: HOST_NAME,
    expected: `${HOST_EXPECTED} (or start with --standalone to do without Redis)`,
    doc: 'Redis server.',
  }),
  REDIS_PORT: integer({
    group: 'redis',
    required: UNLESS_STANDALONE,
    within: [1, 65_535],
    doc: 'Port of the Redis server, usually 6379.',
  }),
  REDIS_USERNAME: text({
    group: 'redis',
    pattern: PRINTABLE,
    expected: 'a user name without control characters',
    doc: 'Redis ACL user; unset is the default user.',
  }),
  REDIS_PASSWORD: secret({
    group: 'redis',
    required: UNLESS_STANDALONE,
    expected: 'a password without line breaks, or the empty string for a server that has none',
    doc: 'Redis password; set it to the empty string for a server that has none.',
  }),
  REDIS_DB: integer({
    group: 'redis',
    default: 0,
    within: [0, 2_147_483_647],
    doc: 'Redis database number.',
  }),
  REDIS_MAX_CONNECTIONS: integer({
    group: 'redis',
    default: 100,
    unit: 'connections',
    within: [1, 10_000],
    doc: 'Most connections to Redis that this process opens; with ENABLE_PUBSUB at least 2. A third is for scans, and a fourth for values over 64 KiB, so that reads do not wait behind them.',
  }),
  REDIS_COMMAND_TIMEOUT_MS: integer({
    group: 'redis',
    default: 40,
    unit: 'ms',
    within: [1, 60_000],
    doc: 'Longest wait for the answer to a command.',
  }),
  REDIS_CONNECT_TIMEOUT_MS: integer({
    group: 'redis',
    default: 2000,
    unit: 'ms',
    within: [1, 60_000],
    doc: 'Longest wait for a connection.',
  }),

  KEY_PREFIX: text({
    group: 'store',
    default: 'borrow_rate_engine:',
    pattern: NO_GLOB,
    expected: 'at least one character, none of them * ? [ ] \\ or a control character',
    doc: 'What every key in Redis begins with.',
  }),
  COMPRESSION_THRESHOLD_BYTES: integer({
    group: 'store',
    default: 4 * KiB,
    unit: 'bytes',
    within: [0, REDIS_VALUE_LIMIT],
    note: '0 never compresses',
    doc: 'Longer values are compressed in Redis.',
  }),

  BORROW_RATE_TTL: lifetime(300, 'Lifetime of `borrow_rate` values.'),
  VOLATILITY_TTL: lifetime(900, 'Lifetime of `volatility` values.'),
  EVENT_RISK_TTL: lifetime(3600, 'Lifetime of `event_risk` values.'),
  BROKER_CONFIG_TTL: lifetime(1800, 'Lifetime of `broker_config` values.'),
  CALCULATION_RESULT_TTL: lifetime(60, 'Lifetime of `calculation` values, and of keys of no known type.'),
  MIN_RATE_TTL: lifetime(86_400, 'Lifetime of `min_rate` values.'),

  ENABLE_LOCAL_CACHE: boolean({
    group: 'local',
    default: true,
    doc: 'Keep values in the memory of the process.',
  }),
  LOCAL_CACHE_MAX_SIZE: integer({
    group: 'local',
    default: 1000,
    unit: 'entries',
    within: [1, 16_000_000],
    doc: 'Most entries; the least recently used are evicted first, exactly so up to 16,384 entries.',
  }),
  LOCAL_CACHE_MAX_BYTES: integer({
    group: 'local',
    default: 0,
    unit: 'bytes',
    within: [0, 1024 * GiB],
    note: '0 sets no such limit',
    doc: 'Most memory of all entries together; one counts as its key, its value as it was written and 240 bytes.',
  }),
  LOCAL_CACHE_TTL: integer({
    group: 'local',
    default: 60,
    unit: 'seconds',
    within: [1, TEN_YEARS],
    doc: 'How long an entry is served before Redis is asked again; standalone uses the lifetime of its type.',
  }),
  LOCAL_CACHE_CLEANUP_INTERVAL_SECONDS: integer({
    group: 'local',
    default: 30,
    unit: 'seconds',
    within: [0, DAY],
    note: '0 leaves it to reads, evictions and POST /v1/cleanup',
    doc: 'How often expired entries and prepared parts of answers are removed.',
  }),

  ENABLE_PUBSUB: boolean({
    group: 'pubsub',
    default: true,
    doc: 'Follow changes in Redis to keep local caches coherent; without it they only expire.',
  }),
  PUBSUB_CHANNEL: text({
    group: 'pubsub',
    default: 'cache_invalidation',
    pattern: PRINTABLE,
    expected: 'the name of a channel without control characters',
    doc: 'Redis channel on which invalidations are published and followed.',
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
    doc: 'Silence after which the link counts as lost: the bound on staleness; more than HEARTBEAT_INTERVAL_MS.',
  }),

  MAX_VALUE_BYTES: integer({
    group: 'limits',
    default: MiB,
    unit: 'bytes',
    within: [1, REDIS_VALUE_LIMIT],
    doc: 'Longest value.',
  }),
  MAX_KEY_BYTES: integer({
    group: 'limits',
    default: 512,
    unit: 'bytes',
    within: [1, 64 * KiB],
    doc: 'Longest key, in UTF-8 and without KEY_PREFIX.',
  }),
  MAX_BATCH_KEYS: integer({
    group: 'limits',
    default: 1000,
    unit: 'keys',
    within: [1, 1_000_000],
    doc: 'Most keys of one batch request.',
  }),
  MAX_BODY_BYTES: integer({
    group: 'limits',
    default: 8 * MiB,
    unit: 'bytes',
    within: [1, GiB],
    doc: 'Longest body of a batch request.',
  }),
  MAX_BUFFERED_BODY_BYTES: integer({
    group: 'limits',
    default: 256 * MiB,
    unit: 'bytes',
    within: [1, 1024 * GiB],
    doc: 'Most memory of all unfinished request bodies together; at least MAX_BODY_BYTES and MAX_VALUE_BYTES.',
  }),

  WS_ALLOWED_ORIGINS: text({
    group: 'push',
    pattern: ORIGINS,
    expected: 'origins such as https://desk.example.com, separated by commas, or *',
    doc: 'Origins whose web pages may connect; unset admits only clients that are no browsers.',
  }),
  WS_MAX_CONNECTIONS: integer({
    group: 'push',
    default: 20_000,
    unit: 'sockets',
    within: [1, 1_000_000],
    doc: 'Most WebSocket connections at a time.',
  }),
  WS_MAX_SUBSCRIPTIONS: integer({
    group: 'push',
    default: 1000,
    unit: 'subscriptions',
    within: [1, 1_000_000],
    doc: 'Most subscriptions of one socket.',
  }),
  WS_MAX_FRAME_BYTES: integer({
    group: 'push',
    default: 2 * MiB,
    unit: 'bytes',
    within: [1024, GiB],
    doc: 'Longest frame that a client may send.',
  }),
  WS_MAX_PENDING_KEYS: integer({
    group: 'push',
    default: 10_000,
    unit: 'keys',
    within: [1, 10_000_000],
    doc: 'Keys that may wait for a slow consumer before it is closed.',
  }),
  WS_STALL_SECONDS: integer({
    group: 'push',
    default: 30,
    unit: 'seconds',
    within: [1, DAY],
    doc: 'How long a slow consumer may take nothing before it is closed.',
  }),
  WS_IDLE_TIMEOUT_SECONDS: integer({
    group: 'push',
    default: 120,
    unit: 'seconds',
    within: [8, 960],
    doc: 'How long a socket may be silent; it is pinged before.',
  }),

  BREAKER_FAILURES: integer({
    group: 'faults',
    default: 5,
    unit: 'timeouts',
    within: [1, 1000],
    doc: 'Timeouts in a row after which Redis is not asked until it answers a probe.',
  }),
  PENDING_WRITES_MAX_ENTRIES: integer({
    group: 'faults',
    default: 10_000,
    unit: 'changes',
    within: [0, 10_000_000],
    note: '0 keeps none: they fail',
    doc: 'Changes kept while Redis is away, to be made there later.',
  }),
  PENDING_WRITES_MAX_BYTES: integer({
    group: 'faults',
    default: 64 * MiB,
    unit: 'bytes',
    within: [0, 1024 * GiB],
    doc: 'Memory that the kept changes may take.',
  }),
  CACHE_REWARM_ON_DATA_LOSS: boolean({
    group: 'faults',
    default: false,
    doc: 'Write what the local cache holds back to a Redis that has restarted empty.',
  }),
  OVERLOAD_LOOP_DELAY_MS: integer({
    group: 'faults',
    default: 200,
    unit: 'ms',
    within: [0, 60_000],
    note: '0 never refuses',
    doc: 'Delay of the event loop over which all but local hits are refused.',
  }),

  CACHE_WARMUP_ON_STARTUP: boolean({
    group: 'warmup',
    default: false,
    doc: 'Fill the local cache before saying ready: from CACHE_WARMUP_FILE, else from Redis.',
  }),
  CACHE_WARMUP_FILE: text({
    group: 'warmup',
    pattern: FILE_PATH,
    expected: 'the path of a file: no control characters, no / at its end',
    doc: 'File to warm up from; unset warms up from what Redis holds.',
  }),
  CACHE_WARMUP_FORMAT: choice({
    group: 'warmup',
    default: 'auto',
    of: ['auto', 'ibkr', 'ndjson'],
    doc: 'Format of CACHE_WARMUP_FILE: a short-stock file (ibkr), or lines of {key, value, ttl?} (ndjson).',
  }),
  CACHE_WARMUP_PATTERN: text({
    group: 'warmup',
    default: '*',
    pattern: PRINTABLE,
    expected: 'a glob pattern without control characters',
    doc: 'Which keys to take from Redis, as a glob without KEY_PREFIX.',
  }),
  CACHE_WARMUP_TIMEOUT_SECONDS: integer({
    group: 'warmup',
    default: 30,
    unit: 'seconds',
    within: [1, DAY],
    doc: 'Longest time that warm-up holds start-up back.',
  }),

  ENABLE_CACHE_STATS: boolean({
    group: 'observe',
    default: true,
    doc: 'Collect the statistics of /stats.',
  }),
  STATS_MAX_AGE_SECONDS: integer({
    group: 'observe',
    default: 10,
    unit: 'seconds',
    within: [0, DAY],
    note: '0 counts anew each time',
    doc: 'How old a count of the keys in Redis by type may be before it is taken again.',
  }),
  LOG_LEVEL: choice({
    group: 'observe',
    default: 'info',
    of: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    doc: 'Least severe log line that is written.',
  }),
};

export type VariableName = keyof typeof VARIABLES;

/** The value of each variable by its name, as parsed. */
export type Values = {
  [Name in VariableName]: (typeof VARIABLES)[Name] extends Variable<infer T> ? T : never;
};

export const VARIABLE_NAMES = Object.keys(VARIABLES) as VariableName[];
