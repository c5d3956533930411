import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import { writeReports } from '../../../loadtest/report/index.ts';
import type { RunResult } from '../../../loadtest/result.ts';
import { latencyGate, synthetic } from './synthetic.ts';
import { elementsOf } from './xml.ts';

// Characters that could break each of the formats.
const AWKWARD = 'a<b>"&\'|</script><!--\n100%';

const results: readonly RunResult[] = [
  synthetic(),
  synthetic({
    profile: AWKWARD,
    gates: [latencyGate('latency p95', 60), latencyGate('latency p99', 130)],
    blind: true,
    seconds: 1,
  }),
  synthetic({ profile: 'too-fast', saturated: true, verdict: 'fail', gates: [] }),
  synthetic({
    profile: 'disturbed',
    others: 0.53,
    faults: [
      { second: 6.02, what: 'redis killed' },
      { second: 12.03, what: 'redis back' },
    ],
  }),
];

let files: Readonly<Record<string, string>>;
let summary: string;
const printed: string[] = [];

before(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-report-'));
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: join(dir, 'summary.md') };
  try {
    const paths = await writeReports(results, join(dir, 'new', 'folder'), env, (line) => printed.push(line));
    files = Object.fromEntries(
      await Promise.all(paths.map(async (path) => [basename(path), await readFile(path, 'utf8')] as const)),
    );
    summary = await readFile(env.GITHUB_STEP_SUMMARY, 'utf8');
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('the JSON contains the unchanged results', () => {
  assert.deepEqual(Object.keys(files), ['results.json', 'junit.xml', 'report.html', 'summary.md']);
  assert.deepEqual(JSON.parse(files['results.json']!), results);
});

test('JUnit has a suite per profile, a case per gate, and the failures', () => {
  const elements = elementsOf(files['junit.xml']!);
  const named = (tag: string) => elements.filter(({ name }) => name === tag);
  assert.deepEqual(
    named('testsuite').map(({ attributes: { name, tests, failures, errors } }) => [
      name,
      tests,
      failures,
      errors,
    ]),
    [
      ['read-heavy', '1', '0', '0'],
      [AWKWARD, '2', '1', '0'],
      ['too-fast', '1', '0', '1'],
      ['disturbed', '1', '0', '0'],
    ],
  );
  assert.deepEqual(
    named('testcase').map(({ attributes }) => attributes.name),
    ['latency p95', 'latency p95', 'latency p99', 'verdict', 'latency p95'],
  );
  assert.match(named('failure')[0]!.attributes.message!, /latency p99 is 130 ms, expected below 50 ms/);
});

test('JUnit is red for a run without gates, and reports that the generator was the limit', () => {
  assert.match(files['junit.xml']!, /<error message="The generator was the limit, not the server/);
});

test('the page contains the results, whatever their texts contain', () => {
  const [, json] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(files['report.html']!)!;
  assert.deepEqual(JSON.parse(json!), results);
});

test('the page loads nothing', () => {
  const html = files['report.html']!;
  assert.doesNotMatch(html, /https?:|\bsrc=|<link|@import|url\(|fetch\(|XMLHttpRequest|import\(/);
  assert.match(html, /http-equiv="Content-Security-Policy" content="default-src 'none'/);
  for (const [, target] of html.matchAll(/href="([^"]*)"/g)) assert.match(target!, /^#profile-\d$/);
});

test('the page has the plotting library with its licence, the machine and the time', () => {
  const html = files['report.html']!;
  assert.match(html, /var uPlot=/);
  assert.match(html, /\.uplot/);
  assert.match(html, /The MIT License \(MIT\)[\s\S]*Leon Sorokin/);
  assert.match(html, /2 x Some CPU @ 2\.10GHz, Linux 6\.1, Node v22\.23\.3, Redis 7\.0\.15/);
  assert.match(html, /2026-11-24T08:00:00\.000Z/);
});

test('each profile has its question, its verdict, its gates and a place for its plots', () => {
  const sections = files['report.html']!.split('<section ').slice(1);
  assert.equal(sections.length, results.length);
  for (const [i, section] of sections.entries()) {
    assert.match(section, new RegExp(`id="plots-${i}"`));
    assert.ok(section.includes(results[i]!.question));
    assert.match(section, new RegExp(`class="verdict ${results[i]!.verdict}"`));
  }
  assert.match(sections[1]!, /latency p99<\/td><td class="number">130 ms<\/td>/);
  assert.match(sections[2]!, /No gate was evaluated/);
  assert.match(sections[2]!, /The generator was the limit/);
});

test('GitHub receives an escaped annotation for each gate that does not pass', () => {
  assert.equal(printed.length, 2);
  assert.match(printed[0]!, /^::warning title=load [^,:]*%3A latency p95::[^\n\r]*latency p95 is 60 ms/);
  assert.match(printed[1]!, /^::error /);
  assert.match(printed[1]!, /%0A100%25/);
});

test('GitHub receives a summary with a row per profile', () => {
  const rows = summary.split('\n').filter((line) => line.startsWith('|'));
  assert.equal(rows.length, 2 + results.length);
  const columns = rows.map((row) => row.match(/(?<!\\)\|/g)!.length);
  assert.deepEqual(new Set(columns), new Set([7]));
  assert.match(summary, /too-fast: The generator was the limit/);
  assert.match(summary, /disturbed: Other programs used 53 % of a measured core/);
});

test('each report names what taints a result, and the version and commit', () => {
  const section = files['report.html']!.split('<section ').at(-1)!;
  assert.match(section, /class="notice">Other programs used 53 % of a measured core/);
  assert.match(files['junit.xml']!, /name="taint" value="Other programs used 53 % of a measured core/);
  for (const text of [files['report.html']!, files['junit.xml']!, summary])
    assert.match(text, /ratecache 0\.1\.0, commit 0123456789ab-dirty/);
  const { taints, build } = (JSON.parse(files['results.json']!) as RunResult[]).at(-1)!;
  assert.deepEqual(
    [taints.length, build],
    [1, { version: '0.1.0', commit: '0123456789abcdef0123456789abcdef01234567-dirty' }],
  );
});

test('outside GitHub nothing is printed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-report-'));
  try {
    await writeReports(results, dir, {}, () => assert.fail('printed'));
  } finally {
    await rm(dir, { recursive: true });
  }
});
