import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { panelQueries } from './panel-queries.ts';

const STATES = ['off', 'coherent', 'degraded', 'blind'];

/** The series of one instance, with one state for each process or server. */
function seriesOf(instance: string, states: Readonly<Record<string, string>>) {
  return Object.entries(states).flatMap(([labels, current]) =>
    STATES.map((state) => ({
      series: `cache_coherence_state{${[`job="cache-service", namespace="n", instance="${instance}", state="${state}"`, labels].filter(Boolean).join(', ')}}`,
      values: state === current ? '1' : '0',
    })),
  );
}

test('the panel Coherence shows an instance as good only if all its processes and servers are', async (t) => {
  const expr = panelQueries({ namespace: 'n', instance: '.+', rateInterval: '1m' }).find(
    ({ panel }) => panel === 'Coherence',
  )!.expr;
  const instances: [name: string, good: 0 | 1, states: Record<string, string>][] = [
    ['one', 1, { '': 'coherent' }],
    ['one-off', 1, { '': 'off' }],
    ['one-blind', 0, { '': 'blind' }],
    ['two', 1, { 'process="1"': 'coherent', 'process="2"': 'coherent' }],
    ['two-blind', 0, { 'process="1"': 'coherent', 'process="2"': 'blind' }],
    ['two-degraded', 0, { 'process="1"': 'degraded', 'process="2"': 'coherent' }],
    ['cluster', 1, { 'server="a:1"': 'coherent', 'server="b:1"': 'coherent' }],
    ['cluster-blind', 0, { 'server="a:1"': 'coherent', 'server="b:1"': 'blind' }],
    [
      'cluster-of-two',
      0,
      {
        'process="1", server="a:1"': 'coherent',
        'process="1", server="b:1"': 'coherent',
        'process="2", server="a:1"': 'degraded',
        'process="2", server="b:1"': 'coherent',
      },
    ],
  ];
  const exp_samples = instances.map(([name, good]) => ({ labels: `{instance="${name}"}`, value: good }));
  const cases = {
    tests: [
      {
        interval: '15s',
        input_series: instances.flatMap(([name, , states]) => seriesOf(name, states)),
        promql_expr_test: [{ expr, eval_time: '0s', exp_samples }],
      },
    ],
  };
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-panel-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'panel.yml'), stringify(cases));
  // promtool ends with an error if a sample differs.
  await promisify(execFile)('promtool', ['test', 'rules', 'panel.yml'], { cwd: dir });
});
