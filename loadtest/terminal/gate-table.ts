import Table from 'cli-table3';
import { significant } from '../../src/format.ts';
import { errorsText } from '../report/format.ts';
import type { GateOutcome, RunResult } from '../result.ts';

/** The figures of a run, and the verdict of each gate. */
export function gateTable({
  profile,
  load,
  generator,
  taints,
  throughputPerSecond,
  latency,
  requests,
  gates,
  verdict,
}: RunResult): string {
  const offered =
    load.ratePerSecond === null ? 'closed' : `open, ${significant(load.ratePerSecond)}/s offered`;
  const times = [
    ['p50', latency.p50Us],
    ['p95', latency.p95Us],
    ['p99', latency.p99Us],
    ['p99.9', latency.p999Us],
    ['max', latency.maxUs],
  ] as const;
  const table = new Table({
    head: ['gate', 'value', 'warns', 'fails', ''],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const gate of gates) table.push(row(gate));
  const errors = errorsText(requests);
  return [
    `${profile}: ${verdict.toUpperCase()}  (${offered}, ${load.connections} connections, ${significant(load.seconds)} s)`,
    `  ${Math.round(throughputPerSecond)}/s  ${times.map(([name, us]) => `${name} ${(us / 1000).toFixed(2)} ms`).join('  ')}`,
    `  generator: ceiling ${Math.round(generator.ceilingPerSecond)}/s, ${Math.round(generator.cpuShare * 100)} % of its core, p99 late ${(generator.lateP99Us / 1000).toFixed(2)} ms`,
    ...taints.map((taint) => `  DOUBTFUL: ${taint}`),
    table.toString(),
    ...(errors === '' ? [] : [`  errors: ${errors}`]),
  ].join('\n');
}

function row({ gate, value, unit, warnAt, failAt, good, verdict }: GateOutcome): string[] {
  const side = good === 'below' ? '>=' : '<';
  const digits = unit === 'samples' ? 0 : 2;
  return [
    gate,
    `${value.toFixed(digits)} ${unit}`,
    warnAt === undefined ? '' : `${side} ${warnAt}`,
    `${side} ${failAt}`,
    verdict,
  ];
}
