/** `ratecache capacity`: measures the capacity of one instance and plans with it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import Table from 'cli-table3';
import { count, percent } from '../../src/format.ts';
import { rewriteDocument, withMarked } from '../report/document.ts';
import { duration } from '../report/format.ts';
import { type Capacity, capacityOf, planFor, type ScenarioCapacity } from './capacity.ts';
import { capacityPage, type Planned } from './html.ts';
import { startInstance } from './instance.ts';
import {
  demandSentence,
  KNEE_HEAD,
  kneeRow,
  machineSentence,
  memorySentence,
  PLAN_HEAD,
  planRows,
} from './lines.ts';
import { measureMemory } from './memory.ts';
import type { Demand, Limits } from './plan.ts';
import { exampleOf } from './record.ts';
import type { Scenario } from './scenario.ts';
import { mixFrom, SCENARIOS, scenariosNamed } from './scenarios.ts';
import { finestResolution, type Step } from './search.ts';

const GIB = 1024 ** 3;
/** With fewer answers fewer than ten decide the p99. */
const LEAST_SAMPLES = 1_100;

export interface CapacityOptions {
  readonly mix?: string;
  readonly seconds: number;
  readonly resolution: number;
  readonly repeats: number;
  readonly share?: number;
  readonly maxRate: number;
  readonly seed: number;
  readonly rate: number;
  readonly headroom: number;
  readonly spare: number;
  readonly entries: number;
  readonly valueBytes: number;
  readonly measuredEntries: number;
  readonly cpu: number;
  readonly memory: number;
  readonly processes: number;
  readonly redisMaxConnections: number;
  readonly from?: string;
  readonly out: string;
  readonly record?: boolean;
}

export async function planCapacity(names: readonly string[], options: CapacityOptions): Promise<void> {
  if (options.record && isSea())
    throw new Error(
      '--record writes to docs/capacity.md: run it from the sources, not with the single binary',
    );
  const capacity = options.from === undefined ? await measured(names, options) : await earlier(options.from);
  const demand: Demand = {
    ratePerSecond: options.rate,
    headroom: options.headroom,
    spare: options.spare,
    entries: options.entries,
  };
  const limits: Limits = {
    cpuCores: options.cpu,
    memoryBytes: options.memory * GIB,
    processes: options.processes,
    cpuShare: 0.8,
    memoryShare: 0.7,
    leastReplicas: 3,
    redisMaxConnections: options.redisMaxConnections,
  };
  const planned = capacity.scenarios.map((scenario) => ({
    scenario,
    plan: planFor(scenario, capacity.memory, demand, limits),
  }));
  print(capacity, planned, demand, limits);
  await mkdir(options.out, { recursive: true });
  const files = [join(options.out, 'capacity.json'), join(options.out, 'capacity.html')] as const;
  await writeFile(files[0], `${JSON.stringify(capacity, null, 1)}\n`);
  await writeFile(files[1], capacityPage(capacity, planned, demand, limits));
  console.log(`\n${files.join('\n')}`);
  if (!options.record) return;
  const shown = `make capacity ARGS="${process.argv.slice(3).join(' ')}"`;
  const example = exampleOf(capacity, planned, demand, limits, shown);
  rewriteDocument('capacity.md', (document) => withMarked(document, 'capacity', example));
}

async function measured(names: readonly string[], options: CapacityOptions): Promise<Capacity> {
  const { seconds, repeats, seed, maxRate } = options;
  const resolution = Math.max(options.resolution, finestResolution(seconds));
  if (resolution > options.resolution)
    console.error(
      `steps of ${seconds} s cannot resolve less than ${percent(resolution)}: using that resolution`,
    );
  const scenarios: Scenario[] = [
    ...(names.length === 0 && options.mix === undefined ? SCENARIOS : scenariosNamed(names)),
    ...(options.mix === undefined ? [] : [await mixFrom(options.mix)]),
  ];
  const startedAt = new Date().toISOString();
  const memory = await measureMemory(options.measuredEntries, options.valueBytes);
  const found: ScenarioCapacity[] = [];
  let machine: Capacity['machine'] | undefined;
  for (const scenario of scenarios) {
    console.error(scenario.question);
    const instance = await startInstance(scenario, seed);
    try {
      const minRate = Math.ceil(LEAST_SAMPLES / seconds);
      const onStep = (step: Step) => console.error(stepLine(step));
      const search = { seconds, resolution, repeats, maxRate, minRate, onStep };
      const result = await capacityOf(
        scenario,
        instance,
        search,
        options.share === undefined ? undefined : [options.share],
      );
      found.push(result.capacity);
      machine ??= result.machine;
    } finally {
      await instance.stop();
    }
  }
  return { format: 2, startedAt, machine: machine!, seconds, resolution, memory, scenarios: found };
}

async function earlier(path: string): Promise<Capacity> {
  const capacity: unknown = JSON.parse(await readFile(path, 'utf8'));
  if ((capacity as Capacity | null)?.format !== 2 || !Array.isArray((capacity as Capacity).scenarios))
    throw new Error(`${path} is not a capacity.json of format 2`);
  return capacity as Capacity;
}

function stepLine({ ratePerSecond, repeat, outcome, result: { latency } }: Step): string {
  const text = { holds: 'holds', fails: 'fails', generator: 'the generator was the limit' }[outcome];
  return `  ${repeat + 1}: ${count(ratePerSecond)}/s ${text}; p95 ${duration(latency.p95Us)}, p99 ${duration(latency.p99Us)}`;
}

function print(capacity: Capacity, planned: readonly Planned[], demand: Demand, limits: Limits): void {
  const table = (head: string[], rows: string[][]) => {
    const made = new Table({ head, style: { head: [], border: [], compact: true } });
    made.push(...rows);
    return made.toString();
  };
  console.log(machineSentence(capacity));
  console.log(table(KNEE_HEAD, capacity.scenarios.map(kneeRow)));
  console.log(memorySentence(capacity));
  console.log(`\nPlanned for ${demandSentence(demand, limits)}`);
  for (const { scenario, plan } of planned) {
    if (plan === null) console.log(`${scenario.name}: even the lowest rate failed.`);
    else
      console.log(
        [table([scenario.name, ...PLAN_HEAD.slice(1)], planRows(plan)), ...plan.problems].join('\n'),
      );
  }
}
