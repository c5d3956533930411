import assert from 'node:assert/strict';
import { isBuiltin } from 'node:module';
import { test } from 'node:test';
import { type Graph, importedBy, loadedBy, sourceFiles } from './support/import-graph.ts';

/** The part of `src/metrics/` that is on the ground floor: it counts, and the rest of the folder reads it. */
const MEASURES = ['src/metrics/counters.ts', 'src/metrics/histogram.ts'];

/**
 * Who may import whom, by file or, ending in `/`, by folder; a file is of the first row that fits it. A row
 * may import itself. Type imports are erased before a program runs: they may go anywhere, but in no circle.
 */
const LAYERS: readonly (readonly [row: string, may: readonly string[]])[] = [
  ['src/main.ts', ['src/cli/', 'src/hangup.ts']],
  ['src/binary/main.ts', ['src/cli/', 'src/service/serve.ts', 'src/cache/entry.ts', 'src/hangup.ts']],
  ['src/binary/', ['src/build-info.ts', 'src/uws/packages.ts']],
  // The subcommands of the harness are offered here, and loaded by nobody else.
  ['src/cli/commands/', ['src/', 'loadtest/', 'package.json']],
  ['src/cli/', ['src/', 'package.json']],
  [
    'src/service/',
    [
      'src/http/',
      'src/push/',
      'src/access/',
      'src/redis/',
      'src/warmup/',
      'src/metrics/',
      'src/cache/',
      'src/config/',
      'src/tracing/',
      'src/uws.ts',
      'src/log.ts',
      'src/errors.ts',
      'src/hangup.ts',
      'src/key.ts',
    ],
  ],
  [
    'src/http/',
    [
      'src/uws.ts',
      'src/access/',
      'src/cache/',
      'src/codec/',
      'src/errors.ts',
      'src/key.ts',
      'src/log.ts',
      ...MEASURES,
    ],
  ],
  [
    'src/push/',
    [
      'src/uws.ts',
      'src/access/',
      'src/cache/',
      'src/codec/',
      'src/errors.ts',
      'src/key.ts',
      'src/log.ts',
      ...MEASURES,
    ],
  ],
  ['src/redis/', ['src/cache/', 'src/codec/', 'src/errors.ts', 'src/key.ts', 'src/log.ts', ...MEASURES]],
  [
    'src/warmup/',
    ['src/cache/', 'src/codec/', 'src/key.ts', 'src/errors.ts', 'src/service-answer.ts', 'src/format.ts'],
  ],
  // It runs in browsers: apart from its entry point for Node, it loads no part of Node and no native package.
  ['src/client/', ['src/cache/lru.ts', 'src/cache/terms.ts']],
  // It runs in browsers, so it loads nothing of the service.
  ['src/ui/', []],
  ['src/access/', ['src/codec/', 'src/errors.ts', 'src/key.ts', ...MEASURES]],
  ['src/config/', ['src/errors.ts', 'src/cache/', 'src/tracing/sampler.ts']],
  ['src/cache/', ['src/codec/', 'src/errors.ts', 'src/key.ts', ...MEASURES]],
  ['src/codec/', ['src/errors.ts']],
  ['src/metrics/counters.ts', ['src/key.ts', 'src/metrics/histogram.ts']],
  ['src/metrics/histogram.ts', []],
  ['src/metrics/', ['src/cache/', 'src/key.ts', 'src/errors.ts']],
  // What it records for others is known by types alone.
  ['src/tracing/', []],
  ['src/uws.ts', ['src/uws/']],
  ['src/uws/', []],
  ['src/log.ts', ['src/log-output.ts']],
  ['src/log-output.ts', []],
  ['src/build-info.ts', []],
  ['src/errors.ts', []],
  ['src/hangup.ts', []],
  ['src/key.ts', []],
  ['src/service-answer.ts', []],
  ['src/format.ts', []],
  ['package.json', []],
  ['loadtest/', ['src/']],
  ['bench/', ['src/', 'loadtest/', 'scripts/build/']],
  ['scripts/', ['src/', 'loadtest/report/assets.ts']],
];

/** Packages that only one place may import, so that replacing one touches that place alone. */
const OWNERS: Readonly<Record<string, string>> = {
  'uWebSockets.js': 'src/uws/',
  '@btc-vision/uwebsockets.js': 'src/uws/',
  ioredis: 'src/redis/',
  'prom-client': 'src/metrics/',
  pino: 'src/log.ts',
  jose: 'src/access/',
  '@opentelemetry/api': 'src/tracing/',
  '@opentelemetry/sdk-trace': 'src/tracing/',
};

test('src, loadtest and bench keep the import rule', async () => {
  const graph = await loadedBy(sourceFiles());
  assert.ok(Object.keys(graph).length > 1);
  assert.deepEqual(violations(graph), []);
});

test('the client loads nothing of Node but for its entry point for Node, and few packages', async () => {
  const graph = await loadedBy(sourceFiles());
  const packages = Object.entries(graph)
    .filter(([file]) => file.startsWith('src/client/'))
    .flatMap(([file, imports]) =>
      imports.filter((name) => !(name in graph)).map((name) => `${file}: ${name}`),
    );
  assert.deepEqual(packages.sort(), ['src/client/msgpack.ts: msgpackr', 'src/client/node.ts: ws']);
  assert.deepEqual(graph['src/cache/lru.ts'], ['mnemonist']);
});

test('no circle leads through imports of types either', () => {
  const graph = importedBy(sourceFiles());
  assert.ok(graph['src/cache/writes.ts']!.includes('src/cache/deps.ts'), 'a type is imported there');
  assert.deepEqual(cycles(graph), []);
});

/** The files whose lazy imports run at every start of this command. */
const startOf = (command: string) => ['src/main.ts', `src/cli/commands/${command}.ts`];

test('serve and check load nothing of one another, of the harness, or of completion', async () => {
  const loaded = async (command: string) => {
    const graph = await loadedBy(sourceFiles(), (file) => startOf(command).includes(file));
    return reached(graph, 'src/main.ts');
  };
  const [serve, check] = await Promise.all([loaded('serve'), loaded('check')]);
  for (const file of ['src/http/server.ts', 'prom-client']) {
    assert.ok(serve.has(file), `serve loads ${file}`);
    assert.ok(!check.has(file), `check loads ${file}`);
  }
  assert.ok(check.has('src/cli/check.ts'));
  assert.ok(!serve.has('src/cli/check.ts'));
  const others = /^(loadtest|test)\/|^(cli-table3|hdr-histogram-js|cli-progress)/;
  assert.deepEqual(
    [...serve, ...check].filter((file) => others.test(file)),
    [],
  );
});

test('a service without traces loads nothing of OpenTelemetry', async () => {
  const graph = await loadedBy(sourceFiles(), (file) => startOf('serve').includes(file));
  const serve = reached(graph, 'src/main.ts');
  assert.ok(serve.has('src/service/compose-tracing.ts'));
  assert.deepEqual(
    [...serve].filter((file) => file.startsWith('@opentelemetry/') || file === 'src/tracing/otel.ts'),
    [],
  );
});

test('the rule allows what it should', () => {
  const graph: Graph = {
    'src/main.ts': ['src/cli/run.ts', 'node:fs'],
    'src/cli/run.ts': ['src/service/serve.ts'],
    'src/service/serve.ts': ['src/http/server.ts', 'src/redis/redis-store.ts'],
    'src/http/server.ts': ['src/uws.ts', 'src/http/reply.ts', 'src/key.ts'],
    'src/http/reply.ts': [],
    'src/redis/redis-store.ts': ['ioredis', 'src/key.ts', 'src/metrics/counters.ts'],
    'src/key.ts': ['mnemonist/lru-map-with-delete.js'],
    'src/metrics/counters.ts': [],
    'src/uws.ts': ['src/uws/installed.ts'],
    'src/uws/installed.ts': ['uWebSockets.js'],
  };
  assert.deepEqual(violations(graph), []);
});

const broken: readonly (readonly [breach: string, graph: Graph, found: string])[] = [
  [
    'http importing redis',
    { 'src/http/read.ts': ['src/redis/connect.ts'], 'src/redis/connect.ts': [] },
    'src/http/read.ts imports src/redis/connect.ts, and src/http/ may not',
  ],
  [
    'http importing more of metrics than the counters',
    { 'src/http/ops.ts': ['src/metrics/prometheus.ts'], 'src/metrics/prometheus.ts': [] },
    'src/http/ops.ts imports src/metrics/prometheus.ts, and src/http/ may not',
  ],
  [
    'the service importing the harness',
    { 'src/service/serve.ts': ['loadtest/run.ts'], 'loadtest/run.ts': [] },
    'src/service/serve.ts imports loadtest/run.ts, and src/service/ may not',
  ],
  [
    'the cache importing the log',
    { 'src/cache/l1/memory.ts': ['src/log.ts'], 'src/log.ts': [] },
    'src/cache/l1/memory.ts imports src/log.ts, and src/cache/ may not',
  ],
  [
    'the command line importing main.ts',
    { 'src/cli/warmup.ts': ['src/main.ts'], 'src/main.ts': [] },
    'src/cli/warmup.ts imports src/main.ts, and nobody may',
  ],
  [
    'a package imported outside its place',
    { 'src/cache/store.ts': ['ioredis/built/utils'] },
    'src/cache/store.ts imports ioredis, and only src/redis/ may',
  ],
  ['a file that no row covers', { 'src/utils.ts': [] }, 'src/utils.ts is in no layer'],
  [
    'a cycle',
    {
      'src/cache/a.ts': ['src/cache/b.ts'],
      'src/cache/b.ts': ['src/cache/c.ts'],
      'src/cache/c.ts': ['src/cache/b.ts'],
    },
    'src/cache/b.ts -> src/cache/c.ts -> src/cache/b.ts is a cycle',
  ],
];

for (const [breach, graph, found] of broken) {
  test(`the rule catches ${breach}`, () => {
    assert.deepEqual(violations(graph), [found]);
  });
}

function violations(graph: Graph): string[] {
  const found: string[] = [];
  for (const [file, imports] of Object.entries(graph)) {
    const layer = LAYERS.find(([row]) => covers(row, file));
    if (layer === undefined) {
      found.push(`${file} is in no layer`);
      continue;
    }
    const [row, may] = layer;
    for (const imported of imports) {
      if (imported === 'src/main.ts') {
        found.push(`${file} imports src/main.ts, and nobody may`);
      } else if (imported in graph) {
        const allowed = [row, ...may].some((place) => covers(place, imported));
        if (!allowed) found.push(`${file} imports ${imported}, and ${row} may not`);
      } else {
        const name = packageName(imported);
        const owner = OWNERS[name];
        if (owner && file.startsWith('src/') && !covers(owner, file))
          found.push(`${file} imports ${name}, and only ${owner} may`);
      }
    }
  }
  return [...found, ...cycles(graph)];
}

function cycles(graph: Graph): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file);
    if (start !== -1) found.push(`${[...path.slice(start), file].join(' -> ')} is a cycle`);
    if (start !== -1 || done.has(file)) return;
    for (const imported of graph[file] ?? []) walk(imported, [...path, file]);
    done.add(file);
  };
  for (const file of Object.keys(graph)) walk(file, []);
  return found;
}

function covers(place: string, file: string): boolean {
  return place.endsWith('/') ? file.startsWith(place) : file === place;
}

function packageName(specifier: string): string {
  if (isBuiltin(specifier)) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** All that is loaded when a file is. */
function reached(graph: Graph, file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const imported of graph[file] ?? []) reached(graph, imported, found);
  return found;
}
