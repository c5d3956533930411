import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compare, readResults } from '../../../loadtest/report/compare.ts';
import { compareRuns, type Judgement } from '../../../loadtest/report/regression.ts';
import type { RunResult } from '../../../loadtest/result.ts';
import { latencyGate, synthetic } from './synthetic.ts';

test('two runs that differ only by noise are the same', () => {
  for (let seed = 1; seed < 20; seed++) {
    const { regressed, differences } = compareRuns(synthetic({ seed }), synthetic({ seed: seed + 100 }));
    assert.equal(regressed, false);
    assert.ok(differences.every(({ judgement }) => judgement === 'same'));
  }
});

test('a latency four times as long is a regression, and the reverse an improvement', () => {
  const [fast, slow] = [synthetic(), synthetic({ slower: 4, seed: 2 })];
  assert.deepEqual(judgements(fast, slow, 'p50', 'p95', 'p99'), ['regression', 'regression', 'regression']);
  assert.deepEqual(judgements(slow, fast, 'p50', 'p95', 'p99'), [
    'improvement',
    'improvement',
    'improvement',
  ]);
});

test('a latency that doubled by less than half a millisecond is not a regression', () => {
  const [p50] = compareRuns(synthetic(), synthetic({ slower: 2 })).differences.filter(
    ({ metric }) => metric === 'p50',
  );
  assert.ok(p50!.change > 0.7 && p50!.after - p50!.before < 500);
  assert.equal(p50!.judgement, 'same');
});

test('CPU per request is judged from 15 %, because it varies less than rates', () => {
  assert.deepEqual(judgements(synthetic(), synthetic({ busier: 1.1 }), 'CPU/request'), ['same']);
  assert.deepEqual(judgements(synthetic(), synthetic({ busier: 1.25 }), 'CPU/request'), ['regression']);
});

test('seconds that vary widely raise the limit', () => {
  const restless = (seed: number, slower: number): RunResult => {
    const run = synthetic({ seed, slower, seconds: 5 });
    const series = run.series.map((second, i) => ({ ...second, p99Us: second.p99Us * (i === 2 ? 8 : 1) }));
    return { ...run, series };
  };
  assert.deepEqual(judgements(restless(1, 4), restless(2, 8), 'p99'), ['same']);
  assert.deepEqual(judgements(synthetic({ slower: 4 }), synthetic({ slower: 8 }), 'p99'), ['regression']);
});

test('a worse verdict is a regression, whatever the figures are', () => {
  const [before, after] = [synthetic(), synthetic({ gates: [latencyGate('latency p95', 60)] })];
  assert.equal(compareRuns(before, after).regressed, true);
  assert.equal(compareRuns(after, before).regressed, false);
});

test('a figure that was not measured is not judged', () => {
  const [before, after] = [synthetic({ blind: true }), synthetic({ blind: true, seed: 2 })];
  assert.deepEqual(judgements(before, after, 'CPU/request'), ['not judged']);
});

const RAMP = [{ seconds: 20, from: 1_000, to: 3_000 }];
const [SAME, OTHER] = [{ stages: RAMP, requestsDigest: 'a' }, { requestsDigest: 'b' }];

for (const [why, other] of [
  ['different loads', { ratePerSecond: 4_000 }],
  ['different loads: the rate over time differs', { stages: [{ seconds: 20, from: 3_000, to: 1_000 }] }],
  ['different loads: the requests or their keys differ', OTHER],
  ['different machines', { machine: { cpu: 'Another CPU' } }],
  ['the generator was the limit', { saturated: true }],
] as const) {
  test(`runs are shown but not judged: ${why}`, () => {
    const { incomparable, regressed, differences } = compareRuns(
      synthetic(SAME),
      synthetic({ slower: 9, ...SAME, ...other }),
    );
    assert.match(incomparable!, new RegExp(why));
    assert.equal(regressed, false);
    assert.ok(differences.every(({ judgement }) => judgement === 'not judged'));
  });
}

test('a result without a digest of its requests is comparable, and so is one with the same digest', () => {
  for (const then of [synthetic(), synthetic(OTHER)])
    assert.equal(compareRuns(then, synthetic({ ...OTHER, seed: 2 })).incomparable, null);
});

test('the text marks regressions, lists profiles of one side only, and has the rule', () => {
  const { text, regressed } = compare(
    [synthetic(), synthetic({ profile: 'gone' })],
    [synthetic({ slower: 4 }), synthetic({ profile: 'new' })],
  );
  assert.equal(regressed, true);
  assert.match(text, /p99 .*✗ worse/);
  assert.match(text, /gone: only before/);
  assert.match(text, /new: only now/);
  assert.match(text, /three standard errors/);
});

test('throughput and latency are not judged where other programs used a core, and CPU and answers are', () => {
  const { differences, incomparable, regressed } = compareRuns(
    synthetic(),
    synthetic({ slower: 8, others: 0.6 }),
  );
  const of = (kind: string) =>
    new Set(differences.filter((each) => each.kind === kind).map(({ judgement }) => judgement));
  assert.deepEqual([...of('duration'), ...of('rate')], ['not judged', 'not judged']);
  assert.deepEqual([...of('cpu'), ...of('share')], ['same', 'same']);
  assert.match(incomparable!, /other programs used a measured core/);
  assert.equal(regressed, false);
  assert.equal(compareRuns(synthetic(), synthetic({ busier: 2, others: 0.6 })).regressed, true);
});

test('hits are judged if the machine delayed the generator, and latency and the verdict are not', () => {
  const delayed = (run: RunResult): RunResult => ({
    ...run,
    generator: { ...run.generator, lateP99Us: 80_000, saturated: true },
  });
  const [before, slow] = [synthetic(), delayed(synthetic({ slower: 9, verdict: 'fail' }))];
  assert.equal(compareRuns(before, slow).regressed, false);
  assert.match(
    compareRuns(before, slow).incomparable!,
    /latency and the verdict, because the machine delayed/,
  );
  assert.deepEqual(judgements(before, slow, 'p99', 'CPU/request', 'hits'), ['not judged', 'same', 'same']);
  const { requests } = before;
  const missing = { ...slow, requests: { ...requests, hits: requests.misses, misses: requests.hits } };
  assert.deepEqual(judgements(before, missing, 'hits'), ['regression']);
});

test('a comparison without a judged figure does not claim that nothing regressed', () => {
  const [fine, unknown] = [synthetic(), synthetic({ profile: 'quote', saturated: true })];
  const heading = (after: readonly RunResult[]) => {
    const { text, markdown } = compare([fine, unknown], after);
    const [, outcome] = /^## Comparison: (.*)$/m.exec(markdown)!;
    assert.ok(text.includes(`\nComparison: ${outcome}\n`));
    return outcome;
  };
  assert.equal(heading([unknown]), 'not judged: quote');
  assert.equal(heading([fine, unknown]), 'no regression; not judged: quote');
  assert.equal(heading([synthetic({ slower: 4 }), unknown]), 'regression in read-heavy; not judged: quote');
  assert.equal(heading([synthetic({ profile: 'other' })]), 'no profile is in both results');
});

test('the comparison in Markdown names the regressions, the commits and the taints, in narrow tables', () => {
  const [then, now] = [synthetic({ others: 0.53 }), synthetic({ busier: 2 })];
  const { markdown } = compare([then], [now]);
  assert.match(markdown, /^## Comparison: regression in read-heavy$/m);
  assert.match(markdown, /^\| CPU\/request \| .* \| ✗ worse \|$/m);
  assert.match(markdown, /^- read-heavy, before: Other programs used 53 %/m);
  assert.match(markdown, /Before: 0123456789ab-dirty\. After: 0123456789ab-dirty\./);
  assert.match(compare([then], [then]).markdown, /^## Comparison: no regression$/m);
});

test('the comparison of a running service does not take the commit of the harness for that of the service', () => {
  const run: RunResult = { ...synthetic(), target: 'http://10.0.0.7:8000' };
  assert.match(
    compare([run], [run]).markdown,
    /^Before: http:\/\/10\.0\.0\.7:8000, with the harness of 0123456789ab-dirty\. After: http/m,
  );
});

test('results are read as they were written, and other files are refused', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-compare-'));
  t.after(() => rm(dir, { recursive: true }));
  const path = async (name: string, content: unknown) => {
    await writeFile(join(dir, name), JSON.stringify(content));
    return join(dir, name);
  };
  assert.deepEqual(await readResults(await path('some.json', [synthetic()])), [synthetic()]);
  for (const content of [[{ format: 7 }], synthetic()])
    await assert.rejects(
      readResults(await path('none.json', content)),
      /does not contain results of format 2/,
    );
  await assert.rejects(readResults(join(dir, 'missing.json')), { code: 'ENOENT' });
  await writeFile(join(dir, 'half.json'), '[{');
  await assert.rejects(readResults(join(dir, 'half.json')), /half\.json is not JSON: /);
});

function judgements(before: RunResult, after: RunResult, ...metrics: string[]): Judgement[] {
  const { differences } = compareRuns(before, after);
  return metrics.map((metric) => differences.find((difference) => difference.metric === metric)!.judgement);
}
