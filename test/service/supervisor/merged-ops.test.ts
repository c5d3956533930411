import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../../loadtest/support/until.ts';
import { ServiceError } from '../../../src/errors.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { type StatsBody, stats } from '../../../src/metrics/stats.ts';
import { MergedOps } from '../../../src/service/supervisor/merged-ops.ts';
import { FAILING, OBEDIENT, scriptedProcesses } from './scripted.ts';

const PROCESS = { cpu_seconds: 12.5, event_loop_delay_ms: 0.25 };
const DISABLED = { enabled: false } as const;

/** The statistics of a process that has joined so many flights. */
function joined(flights: number): StatsBody {
  const counters = new Counters();
  counters.joinedFlights = flights;
  return stats({ counters, memory: undefined, redis: undefined, keys: undefined, process: PROCESS });
}

/** Answers the supervisor with these counts. */
const reporting = (body: StatsBody | typeof DISABLED) => `
  const counts = ${JSON.stringify({ metrics: [], stats: body })};
  process.on('message', ({ question, id }) => {
    if (question === 'counts') process.send({ answer: counts, id });
  });
  ${OBEDIENT.replace('if (question === undefined)', "if (question === undefined || question === 'counts')")}
`;

async function started(t: TestContext, bodies: (StatsBody | typeof DISABLED)[]) {
  const scripts = bodies.map(reporting);
  const { processes } = scriptedProcesses(t, (n) => scripts[n - 1]!);
  const ops = new MergedOps(processes);
  await processes.start();
  /** Replaces process `n` by one with this script. */
  const restart = async (n: number, script: string) => {
    scripts[n - 1] = script;
    const { child } = processes.current[n - 1]!;
    child!.kill('SIGKILL');
    await child!.exited;
    if (script === FAILING) return;
    await until(() => {
      const next = processes.current[n - 1]!.child;
      return next !== child && next?.listens;
    });
  };
  const read = async () => (await ops.stats()) as StatsBody | typeof DISABLED;
  return { ops, restart, read };
}

test('processes without statistics are left out of the sum', async (t) => {
  for (const bodies of [
    [DISABLED, joined(3)],
    [joined(3), DISABLED],
  ]) {
    const { read } = await started(t, bodies);
    const body = (await read()) as StatsBody;
    assert.deepEqual([body.flights.joined, body.processes], [3, 1]);
  }
  const { read } = await started(t, [DISABLED, DISABLED]);
  assert.deepEqual(await read(), DISABLED);
});

test('statistics that SIGHUP enables are served, and those of ended processes are kept', async (t) => {
  const { read, restart } = await started(t, [DISABLED, DISABLED]);
  assert.deepEqual(await read(), DISABLED);
  const flights = async () => {
    const body = await read();
    return 'enabled' in body ? undefined : body.flights.joined;
  };
  await restart(1, reporting(joined(3)));
  assert.equal(await flights(), 3);
  await restart(2, reporting(joined(4)));
  assert.equal(await flights(), 7);
  await restart(1, reporting(DISABLED));
  assert.equal(await flights(), 3 + 4);
  await restart(1, reporting(joined(5)));
  assert.equal(await flights(), 3 + 4 + 5);
});

test('without a process that answers, the statistics are overloaded and the health is unhealthy', async (t) => {
  const { ops, restart } = await started(t, [joined(3), joined(4)]);
  await Promise.all([restart(1, FAILING), restart(2, FAILING)]);
  await assert.rejects(
    ops.stats(),
    (error) =>
      error instanceof ServiceError && error.code === 'overloaded' && error.message === 'no process answers',
  );
  const { serving, body } = await ops.health();
  assert.deepEqual([serving, (body as { status: string }).status], [false, 'unhealthy']);
  const { text } = await ops.metrics('text');
  assert.match(text, /^ratecache_processes_answering 0$/m);
});
