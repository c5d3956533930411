import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMain } from '../../loadtest/target/run-main.ts';
import { refuseIdleVariables } from '../../src/cli/idle-variables.ts';
import { type Environment, loadConfig, type VariableName } from '../../src/config/config.ts';

const REDIS = { REDIS_HOST: 'a', REDIS_PORT: '1', REDIS_PASSWORD: '' };

test('a flag of serve that would change nothing under its configuration is an error', () => {
  const idle: [flag: VariableName, env: Environment][] = [
    ['REDIS_HOST', { STANDALONE: 'true' }],
    ['KEY_PREFIX', { STANDALONE: 'true' }],
    ['ENABLE_PUBSUB', { STANDALONE: 'true' }],
    ['READY_REQUIRES_REDIS', { STANDALONE: 'true' }],
    ['LOCAL_CACHE_TTL', { STANDALONE: 'true' }],
    ['CACHE_WARMUP_ON_STARTUP', { STANDALONE: 'true', CACHE_WARMUP_ON_STARTUP: 'true' }],
    ['HEARTBEAT_INTERVAL_MS', { ENABLE_PUBSUB: 'false' }],
    ['LOCAL_CACHE_MAX_SIZE', { ENABLE_LOCAL_CACHE: 'false' }],
    ['PENDING_WRITES_MAX_BYTES', { PENDING_WRITES_MAX_ENTRIES: '0' }],
    ['CACHE_WARMUP_FILE', { CACHE_WARMUP_FILE: 'a' }],
    ['CACHE_WARMUP_PATTERN', { CACHE_WARMUP_FILE: 'a', CACHE_WARMUP_ON_STARTUP: 'true' }],
    ['CACHE_WARMUP_FORMAT', { CACHE_WARMUP_ON_STARTUP: 'true' }],
    ['CACHE_WARMUP_MAX_AGE', { CACHE_WARMUP_ON_STARTUP: 'true' }],
    ['STATS_MAX_AGE_SECONDS', { ENABLE_CACHE_STATS: 'false' }],
    ['OTEL_TRACES_SAMPLER', {}],
    ['OTEL_SERVICE_NAME', { OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }],
  ];
  for (const [flag, env] of idle) {
    const { config } = loadConfig({ ...REDIS, ...env }, { standalone: false });
    const name = `--${flag.toLowerCase().replaceAll('_', '-')}`;
    assert.throws(() => refuseIdleVariables(config, ['PORT', flag]), {
      message: new RegExp(`^${name} has no effect `),
      exitCode: 64,
    });
    // The environment may be shared by several configurations.
    refuseIdleVariables(config, ['PORT']);
    refuseIdleVariables(loadConfig(REDIS, { standalone: false }).config, [
      'REDIS_HOST',
      'HEARTBEAT_INTERVAL_MS',
    ]);
  }
});

test('flags of other subcommands that would change nothing are errors', async () => {
  const cases: [args: string[], message: RegExp][] = [
    [
      ['serve', '--standalone', '--redis-port', '1'],
      /^ratecache: --redis-port has no effect in standalone mode/,
    ],
    [['load', '--rate', '5'], /^ratecache: --rate has no effect without a profile/],
    [['load', 'large-values', '--rate', '5'], /^ratecache: --rate has no effect with these profiles/],
    [['replay', 'a.log', '--writes'], /^ratecache: --writes has no effect without --url/],
    [['capacity', '--from', 'a.json', '--repeats', '1'], /^ratecache: --repeats has no effect with --from/],
    [['capacity', 'l1', '--from', 'a.json'], /^ratecache: l1 has no effect with --from/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runMain(args);
    assert.equal(code, 64, args.join(' '));
    assert.match(stderr, message);
  }
});
