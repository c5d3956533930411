/** After SIGHUP, processes of one service may have different configurations, and so different members in their bodies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingWrites } from '../../src/cache/pending-writes/pending-writes.ts';
import type { Health, HealthBody } from '../../src/metrics/health.ts';
import { health } from '../../src/metrics/health.ts';
import { mergeHealth } from '../../src/metrics/merge-health.ts';
import { mergeStats } from '../../src/metrics/merge-stats.ts';
import { type StatsBody, stats } from '../../src/metrics/stats.ts';
import { filledMemory, UP } from './deps.ts';

type Tree = Record<string, unknown>;

/** The optional members of a type: one without a row here, or a row too many, is a type error. */
type Optional<T> = { readonly [K in keyof T as object extends Pick<T, K> ? K : never]-?: true };

const OPTIONAL_IN_HEALTH: Optional<Omit<HealthBody, 'processes'>> = { pending_writes: true, tls: true };
const OPTIONAL_IN_REDIS: Optional<HealthBody['redis']> = {
  breaker: true,
  error: true,
  link_error: true,
  servers: true,
};
const OPTIONAL_IN_STATS: Optional<Omit<StatsBody, 'processes'>> = {
  redis: true,
  pending_writes: true,
  servers: true,
};
const TYPES_OF_STATS: Optional<StatsBody['local']['by_type']> = {
  borrow_rate: true,
  volatility: true,
  event_risk: true,
  broker_config: true,
  calculation: true,
  min_rate: true,
  other: true,
};

const paths = (prefix: readonly string[], members: Tree): string[][] =>
  Object.keys(members).map((member) => [...prefix, member]);

const { memory, counters } = filledMemory(['borrow_rate:A', 'odd']);
const pendingWrites = new PendingWrites({ maxEntries: 10, maxBytes: 1000 });
const SERVER = { server: 'a:1', connected: true, keys_count: 1, memory_used: '1M' };

function fullHealth(): HealthBody {
  const { body } = health({
    version: '1',
    addon: { version: '1', package: 'a', sha256: 'b' },
    memory,
    redis: UP,
    servers: [],
    coherence: 'coherent',
    linkFault: 'refused',
    pendingWrites,
    certificate: { expiresAt: Date.UTC(2030, 0) },
  });
  return { ...body, redis: { ...body.redis, error: 'refused' } };
}

const PROCESS = { cpu_seconds: 12.5, event_loop_delay_ms: 0.25 };

function fullStats(): StatsBody {
  counters.l1Hits[0] = 2;
  const keys = { total: 28, byType: [1, 2, 3, 4, 5, 6, 7], countedAt: 0 };
  return stats({ counters, memory, redis: UP, servers: [SERVER], keys, pendingWrites, process: PROCESS });
}

function without<T>(body: T, path: readonly string[]): T {
  const copy = structuredClone(body);
  const [member, ...parents] = [...path].reverse();
  const parent = parents.reduceRight((tree, name) => tree[name] as Tree, copy as Tree);
  assert.ok(member! in parent, `the full body has no ${path.join('.')}`);
  delete parent[member!];
  return copy;
}

/** Every combination of a body that is full and one without a member, in both orders. */
function* mixed<T>(full: T, optional: readonly string[][]): Generator<[path: string[], bodies: T[]]> {
  for (const path of optional) {
    const lesser = without(full, path);
    yield [path, [full, lesser]];
    yield [path, [lesser, full]];
    yield [path, [lesser, lesser]];
  }
}

/** NaN and Infinity are null in JSON, so this looks at the numbers themselves. */
function assertFinite(tree: unknown, path = ''): void {
  if (typeof tree === 'number') assert.ok(Number.isFinite(tree), path);
  if (typeof tree === 'object' && tree !== null)
    for (const [name, each] of Object.entries(tree)) assertFinite(each, `${path}.${name}`);
}

const at = (tree: unknown, path: readonly string[]) =>
  path.reduce<unknown>((each, name) => (each as Tree)[name], tree);

const merged = (bodies: readonly HealthBody[]): HealthBody =>
  mergeHealth(
    bodies.map((body, i) => ({
      process: i + 1,
      pid: i + 1,
      listens: true,
      health: { serving: true, body } satisfies Health,
    })),
  )!.body;

test('the health of processes has a member that one of them lacks', () => {
  const optional = paths([], OPTIONAL_IN_HEALTH);
  for (const [path, bodies] of mixed(fullHealth(), optional)) {
    const body = merged(bodies);
    assertFinite(body);
    const any = bodies.some((each) => at(each, path) !== undefined);
    assert.equal(at(body, path) !== undefined, any, path.join('.'));
  }
});

test('the health of processes is complete where their reports of Redis have different members', () => {
  for (const [, bodies] of mixed(fullHealth(), paths(['redis'], OPTIONAL_IN_REDIS))) {
    const { redis, processes } = merged(bodies);
    assert.deepEqual([redis.connected, processes?.length], [true, 2]);
  }
});

test('the health of processes names the certificate that expires first, and L1 if any has it', () => {
  const full = fullHealth();
  const early = { ...full, tls: { certificate_expires_at: '2027-01-01T00:00:00.000Z' } };
  const disabled = { status: 'disabled', items: 0, memory_bytes: 0 } as const;
  for (const bodies of [
    [full, { ...early, local_cache: disabled }],
    [{ ...early, local_cache: disabled }, full],
  ]) {
    const { tls, local_cache } = merged(bodies);
    assert.deepEqual(tls, early.tls);
    assert.deepEqual([local_cache.status, local_cache.items], ['healthy', full.local_cache.items]);
  }
});

test('the statistics of processes have a member that one of them lacks', () => {
  const full = fullStats();
  const optional = [...paths([], OPTIONAL_IN_STATS), ...paths(['local', 'by_type'], TYPES_OF_STATS)];
  for (const [path, bodies] of mixed(full, optional)) {
    for (const ended of [[], [full], [without(full, path)]]) {
      const body = mergeStats(bodies, ended);
      assertFinite(body);
      const any = bodies.some((each) => at(each, path) !== undefined);
      if (any) assert.notEqual(at(body, path), undefined, path.join('.'));
      assert.equal(body.processes, 2);
      assert.equal(body.local.hits, 2 * (2 + ended.length));
    }
  }
});

test('the statistics of processes with and without L1, or Redis, have the counts of both', () => {
  const full = fullStats();
  const without = stats({ counters, memory: undefined, redis: undefined, keys: undefined, process: PROCESS });
  for (const bodies of [
    [full, without],
    [without, full],
  ]) {
    const body = mergeStats(bodies, [without, full]);
    assertFinite(body);
    assert.deepEqual([body.connected, body.keys_count], [true, 28]);
    assert.deepEqual([body.local.enabled, body.local.hits], [true, 4]);
    assert.deepEqual(body.local.by_type.borrow_rate, {
      ...full.local.by_type.borrow_rate,
      hits: 2 * full.local.by_type.borrow_rate!.hits,
    });
    assert.deepEqual(body.redis, full.redis && { ...full.redis, hits: 2 * full.redis.hits });
  }
});
