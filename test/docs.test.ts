import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { until } from '../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../loadtest/target/replicas.ts';
import { type Service, startService } from '../loadtest/target/service.ts';
import { ERRORS } from '../src/errors.ts';
import { anchorOf, headingsOf, rowsOf, sectionOf, withoutFences } from './docs/markdown.ts';
import { textOf } from './docs/pages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README = read('README.md');
const API = textOf('api');

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
const WEBSOCKET = '/v1/ws';
/** Has no HEAD: its answer does not end. */
const EVENTS = '/v1/events';
let redis: RedisServer;
let service: Service;
let standalone: Service;

before(async () => {
  const starting = startService({ standalone: true, env: PATIENT });
  redis = await startRedis();
  service = await startReplica(redis);
  standalone = await starting;
});

after(async () => {
  await Promise.all([service?.stop(), standalone?.stop()]);
  await redis?.stop();
});

test('docs/api/errors.md has every error with its status, and no other', () => {
  const documented = rowsUnder(API, 'Errors').map(
    ([code, status]) => [plain(code!), Number(status)] as const,
  );
  const statuses = Object.entries(ERRORS).map(([code, [status]]) => [code, status] as const);
  assert.equal(new Set(documented.map(([code]) => code)).size, documented.length, 'a code is there twice');
  assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(statuses));
});

test('the API pages describe every endpoint of the README, and no other', () => {
  const summed = rowsUnder(README, 'Endpoints').flatMap(([cell]) => routesIn(cell!));
  const described = headingsOf(API).flatMap(routesIn);
  assert.ok(summed.length > 10);
  assert.deepEqual(described.map(String).sort(), summed.map(String).sort());
});

test('every documented endpoint is there, and takes no method that is not documented', async () => {
  const methods = new Map<string, string[]>();
  for (const [method, path] of documentedRoutes()) methods.set(path, [...(methods.get(path) ?? []), method]);
  assert.ok(methods.delete(WEBSOCKET));
  for (const [path, documented] of methods) {
    const filled = path.replace('{key}', 'some:key').replace(/\{(?:name|id)\}/, 'some');
    for (const method of documented) {
      const { status, code } = await outcomeOf(await standalone.fetch(filled, { method }));
      assert.notEqual(code, 'not_found', `${method} ${path}`);
      assert.notEqual(status, 405, `${method} ${path}`);
    }
    const listing = await standalone.fetch(filled, { method: 'OPTIONS' });
    // HEAD goes without saying where GET is, and OPTIONS everywhere.
    const taken = new Set([
      ...documented,
      ...(documented.includes('GET') && path !== EVENTS ? ['HEAD'] : []),
      'OPTIONS',
    ]);
    assert.deepEqual(listing.headers.get('allow')?.split(', ').sort(), [...taken].sort(), path);
  }
});

test('the WebSocket endpoint takes upgrades, and is 426 without one', async () => {
  assert.ok(documentedRoutes().some(([, path]) => path === WEBSOCKET));
  const socket = new WebSocket(standalone.url.replace('http', 'ws') + WEBSOCKET);
  await once(socket, 'open');
  socket.terminate();
  assert.deepEqual(await outcomeOf(await standalone.fetch(WEBSOCKET)), {
    status: 426,
    code: 'upgrade_required',
  });
});

test('docs/api/probes.md has every metric of a service with Redis with its type and labels, and no other', async () => {
  // A busy Redis may answer too late for one scrape.
  const text = await until(async () => {
    const scraped = await (await service.fetch('/metrics')).text();
    return scraped.includes('redis_memory_used_bytes') ? scraped : undefined;
  });
  const live = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
    .map(([, name, type]) => [name!, type!] as const)
    .filter(([name]) => !/^(process|nodejs)_/.test(name));
  const documented = rowsUnder(API, '`GET /metrics`')
    .map((row) => row.map(plain))
    .filter(([, type]) => /^(counter|gauge|histogram)$/.test(type!));
  assert.deepEqual(
    Object.fromEntries(documented.map(([name, type]) => [name, type])),
    Object.fromEntries(live),
  );
  for (const [name, , labels] of documented)
    for (const found of labelsOf(text, name!))
      assert.deepEqual(found, labels!.split(', ').filter(Boolean).sort(), `the labels of ${name}`);
});

test('every link between the documents leads to a file, and to a heading where it names one', () => {
  const files = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
  const broken = files.flatMap((file) =>
    linksOf(read(file))
      .filter((link) => !leadsSomewhere(file, link))
      .map((link) => `${file}: ${link}`),
  );
  assert.ok(files.length > 2);
  assert.deepEqual(broken, []);
});

type Route = readonly [method: string, path: string];

/** `GET`, `HEAD /a`, `POST /b`, `/c` is GET /a, HEAD /a, POST /b and POST /c; a path alone is a WebSocket's. */
function routesIn(text: string): Route[] {
  const routes: Route[] = [];
  let methods: string[] = [];
  let complete = false;
  for (const [, code] of text.matchAll(/`([^`]+)`/g)) {
    const words = code!.split(' ');
    const path = words.find((word) => word.startsWith('/'));
    const method = words.find((word) => METHODS.includes(word));
    if (method !== undefined) methods = complete ? [method] : [...methods, method];
    complete = path !== undefined;
    if (path === undefined) continue;
    for (const each of methods.length === 0 ? ['upgrade'] : methods) routes.push([each, path]);
  }
  return routes;
}

function documentedRoutes(): Route[] {
  return rowsUnder(README, 'Endpoints').flatMap(([cell]) => routesIn(cell!));
}

function rowsUnder(page: string, heading: string): string[][] {
  return rowsOf(sectionOf(page, heading));
}

function plain(text: string): string {
  return text.replaceAll('`', '');
}

/** The label names of each sample of a metric, without the bounds of a histogram. */
function labelsOf(text: string, name: string): string[][] {
  const samples = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{(.*)\\})? \\S+$`, 'gm'));
  return [...samples].map(([, labels = '']) =>
    [...labels.matchAll(/(\w+)="/g)]
      .map(([, label]) => label!)
      .filter((label) => label !== 'le')
      .sort(),
  );
}

async function outcomeOf(response: Response): Promise<{ status: number; code: string | undefined }> {
  const text = await response.text();
  const isProblem = response.headers.get('content-type') === 'application/problem+json' && text !== '';
  return { status: response.status, code: isProblem ? JSON.parse(text).code : undefined };
}

function linksOf(text: string): string[] {
  const links = withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].map(([, link]) => link!).filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', fragment] = link.split('#');
  const file = path === '' ? from : join(dirname(from), path);
  if (!existsSync(join(ROOT, file))) return false;
  return fragment === undefined || headingsOf(read(file)).map(anchorOf).includes(fragment);
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
