/** `make simulate`: runs seeds, prints a shortened history of each seed that breaks a rule, and prints the rate. */
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { check } from './checker.ts';
import { CASES, seedsUntilFound } from './mutants.ts';
import { planOf, TOPOLOGIES } from './plan.ts';
import { historyOf, reportOn } from './report.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    seed: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    /** Stops after this number of failed seeds. */
    most: { type: 'string', default: '5' },
    'no-shrink': { type: 'boolean', default: false },
    /** Reports only violations of this rule. */
    rule: { type: 'string' },
    table: { type: 'boolean', default: false },
    topology: { type: 'string', default: 'single' },
    /** With 2, pairs of replicas have one address: a socket that connects again lands at the other one. */
    processes: { type: 'string', default: '1' },
  },
});

const topology = TOPOLOGIES.find((name) => name === values.topology);
if (topology === undefined) throw new Error(`--topology must be one of ${TOPOLOGIES.join(', ')}`);
const seeds = Number(values.seeds);
const from = Number(values.from);
const jobs = Number(values.jobs);
const processes = Number(values.processes);

// In an immediate and not in a microtask, because the simulator drains the microtask queue itself.
setImmediate(() => {
  if (values.mutants) runMutants();
  else if (values.seed !== undefined) replay(Number(values.seed));
  else if (jobs > 1) distribute();
  else runAll();
});

function replay(seed: number): void {
  const plan = { ...planOf(seed, topology), processes };
  const outcome = simulate(plan);
  const violations = check(outcome);
  process.stdout.write(`${historyOf(plan, violations, outcome)}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

/** Applies one mutant at a time, and prints how many seeds find it. */
function runMutants(): void {
  process.stdout.write('| fault | mutant | seeds until found | rule |\n|---|---|---|---|\n');
  const cases = CASES.filter(({ on, name }) => (on ?? TOPOLOGIES).includes(topology!) && isWanted(name));
  for (const each of cases) {
    const found = seedsUntilFound(each, seeds, topology);
    const result = found === undefined ? `not in ${seeds} | ` : `${found.seeds} | ${found.rule}`;
    process.stdout.write(`| ${each.fault} | ${each.name} | ${result} |\n`);
    if (found === undefined) process.exitCode = 1;
  }
}

function isWanted(name: string): boolean {
  return values.rule === undefined || name.includes(values.rule);
}

function runAll(): void {
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const broken = new Map<string, number[]>();
  let failed = 0;
  let seed = from;
  let steps = 0;
  for (; seed < from + seeds && failed < Number(values.most); seed++) {
    const plan = { ...planOf(seed, topology), processes };
    const outcome = simulate(plan);
    steps += outcome.steps;
    const violations = check(outcome).filter(({ rule }) => values.rule === undefined || rule === values.rule);
    if (violations.length === 0) continue;
    failed++;
    for (const rule of new Set(violations.map((each) => each.rule)))
      broken.set(rule, [...(broken.get(rule) ?? []), seed]);
    if (values.table) continue;
    const { rule } = violations[0]!;
    const short = values['no-shrink'] ? plan : shrink(plan, rule);
    process.stdout.write(`${reportOn(short)}\n\n`);
  }
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const done = seed - from;
  for (const [rule, which] of broken)
    process.stdout.write(`${rule}: ${which.length} seeds, first ${which.slice(0, 12).join(' ')}\n`);
  process.stdout.write(
    `${done} seeds from ${from}, ${failed} broken, ${Math.round(done / seconds)} seeds/s, ${Math.round((done * 1e6) / (user + system))} per CPU second, ${Math.round(steps / done)} events each\n`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Runs parts of the range of seeds, each in a separate process. */
function distribute(): void {
  const share = Math.ceil(seeds / jobs);
  for (let job = 0; job < jobs; job++) {
    const args = [
      '--from',
      String(from + job * share),
      '--seeds',
      String(Math.min(share, seeds - job * share)),
    ];
    args.push(
      '--most',
      values.most,
      '--topology',
      values.topology,
      '--processes',
      values.processes,
      ...(values['no-shrink'] ? ['--no-shrink'] : []),
      ...(values.table ? ['--table'] : []),
    );
    fork(import.meta.filename, args).on('exit', (code) => {
      if (code !== 0) process.exitCode = 1;
    });
  }
}
