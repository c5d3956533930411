/**
 * The longer run: `node test/consistency/run.ts --seconds 30 --replicas 3 --fault all --seed 1`. Prints the counts
 * and the violations of each fault, and exits with code 1 if a violation was found. `--topology cluster` runs on a Redis
 * Cluster of three masters, `--topology sentinel` on a master with two replicas and three Sentinels. `--no-near-caches`
 * runs without near caches of the TypeScript client, and `--python` with near caches of the Python client. With
 * `--near-caches-only` nobody else reads or subscribes.
 * `--processes 2` starts each replica with two processes on one port.
 */
import { parseArgs } from 'node:util';
import { type Report, runCheck, TOPOLOGIES } from './check.ts';
import { CLIENT_FAULTS, CLUSTER_FAULTS, FAULTS, type Fault, SENTINEL_FAULTS } from './faults.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    replicas: { type: 'string', default: '3' },
    fault: { type: 'string', default: 'all' },
    seed: { type: 'string', default: '1' },
    topology: { type: 'string', default: 'single' },
    processes: { type: 'string', default: '1' },
    /** A run with fewer reads continues until it has them, at most for two minutes. */
    reads: { type: 'string', default: '0' },
    'no-near-caches': { type: 'boolean', default: false },
    'near-caches-only': { type: 'boolean', default: false },
    python: { type: 'boolean', default: false },
    /** Puts a defect of `near_reader.py` into the Python client. */
    'python-defect': { type: 'string' },
  },
});
const topology = TOPOLOGIES.find((name) => name === values.topology);
if (topology === undefined) throw new Error(`--topology must be one of ${TOPOLOGIES.join(', ')}`);
const known: readonly Fault[] = {
  single: [...FAULTS, ...CLIENT_FAULTS],
  sentinel: [...SENTINEL_FAULTS, ...CLIENT_FAULTS],
  cluster: [...CLUSTER_FAULTS, ...CLIENT_FAULTS],
}[topology];
const faults = known.filter((name) => values.fault === 'all' || name === values.fault);
if (faults.length === 0) throw new Error(`--fault must be all or one of ${known.join(', ')}`);

const HEAD = [
  'fault',
  'events',
  'reads',
  'lesser',
  'marked',
  'writes',
  'acked',
  'calcs',
  'pushes',
  'resets',
  'near hits',
  'near lost',
  'stale ms',
];
console.log(row([...HEAD, 'violations']));
let found = 0;
for (const fault of faults) {
  const report = await runCheck({
    fault,
    seconds: Number(values.seconds),
    replicas: Number(values.replicas),
    seed: Number(values.seed),
    enough: { reads: Number(values.reads), changes: 0, lesser: 0, nearHits: 0 },
    topology,
    processes: Number(values.processes),
    nearCaches: !values['no-near-caches'],
    nearCachesOnly: values['near-caches-only'],
    python: values.python,
    pythonDefect: values['python-defect'],
  });
  console.log(row(cells(fault, report)));
  for (const violation of report.violations.slice(0, 10)) console.log(`  ${violation}`);
  found += report.violations.length;
}
process.exit(found === 0 ? 0 : 1);

function cells(fault: Fault, report: Report): (string | number)[] {
  const { events, reads, lesser, marked, writes, acknowledged, calculations, pushes, resets } = report;
  const { nearHits, nearLosses, worstStalenessMs, violations } = report;
  const counts = [
    events,
    reads,
    lesser,
    marked,
    writes,
    acknowledged,
    calculations,
    pushes,
    resets,
    nearHits,
    nearLosses,
  ];
  return [fault, ...counts, worstStalenessMs.toFixed(1), violations.length];
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, i) => (i === 0 ? String(cell).padEnd(17) : String(cell).padStart(10))).join('');
}
