/**
 * `make chaos` runs every fault and the rolling restart, one after the other, and writes the results to
 * docs/reliability.md. `make chaos ARGS=…` runs a part:
 *
 *   soak [seconds] [seed]    mixed load with random faults, 600 seconds by default; writes its line from 600 on
 *   mutants ['part of one']  the checks with one mutant of the service at a time
 *   rolling                  the rolling restart
 *   cluster ['part of one']  the faults of a Redis Cluster; writes its table if all of them ran
 *   sentinel ['part of one'] likewise, the faults of a master with replicas and Sentinels
 *   'part of a name' …       the faults whose name contains this text
 *
 * `--processes 2` as the first argument starts each replica with two processes on one port. Only the run of every fault
 * writes a table then.
 * Exits with 1 if a promise was broken.
 */
import { MANY_PROCESSES } from '../../loadtest/target/service.ts';
import { CLUSTER_FAULTS } from './cluster-faults.ts';
import { openClusterStage } from './cluster-stage.ts';
import { FAULTS, type Fault, type ServerFault } from './faults.ts';
import { measure, measureOn, type Row } from './measure.ts';
import { CASES, isFound } from './mutants.ts';
import { rollingRestart } from './rolling.ts';
import { SENTINEL_FAULTS } from './sentinel-faults.ts';
import { openSentinelStage } from './sentinel-stage.ts';
import { soak } from './soak.ts';
import type { Stage } from './stage.ts';
import { HEAD, rowOf, writeTable } from './table.ts';
import { PROMISED, verdict } from './verdict.ts';

const { boundMs } = PROMISED;
const OPTIONS = { calmMs: 2000, boundMs };

const given = process.argv.slice(2);
const [flag, count] = given;
const args = flag === '--processes' ? given.slice(2) : given;
MANY_PROCESSES.count = flag === '--processes' ? Number(count) : 1;
const record = flag === '--processes' ? recordProcesses : writeTable;
process.exit((await main()) ? 0 : 1);

async function main(): Promise<boolean> {
  const [what] = args;
  if (what === undefined) return runAll();
  if (what === 'soak') return runSoak(Number(args[1] ?? 600), Number(args[2] ?? 1));
  if (what === 'mutants') return runMutants(args[1] ?? '');
  if (what === 'cluster') return runTopology('cluster', CLUSTER_FAULTS, openClusterStage, args[1] ?? '');
  if (what === 'sentinel') return runTopology('sentinel', SENTINEL_FAULTS, openSentinelStage, args[1] ?? '');
  if (what === 'rolling') return (await runRolling()).good;
  const faults = FAULTS.filter(({ name }) => args.some((part) => name.includes(part)));
  if (faults.length > 0) return (await runFaults(faults)).good;
  throw new Error(`unknown fault; use one of: ${FAULTS.map(({ name }) => name).join('; ')}`);
}

async function runAll(): Promise<boolean> {
  const faults = await runFaults(FAULTS);
  const rolling = await runRolling();
  await record('faults', [HEAD, ...faults.rows, '', rolling.line]);
  return faults.good && rolling.good;
}

/** The other tables describe replicas of one process. */
async function recordProcesses(name: string, lines: readonly string[]): Promise<void> {
  if (name === 'faults') await writeTable('processes', lines);
}

function runFaults(faults: readonly ServerFault[]): Promise<{ good: boolean; rows: string[] }> {
  return runEach(faults, (fault) => measure(fault, OPTIONS));
}

async function runEach<Each>(
  faults: readonly Each[],
  measureOne: (fault: Each) => Promise<Row>,
): Promise<{ good: boolean; rows: string[] }> {
  const rows: string[] = [];
  let good = true;
  console.log(HEAD);
  for (const fault of faults) {
    const row = await measureOne(fault);
    rows.push(rowOf(row));
    console.log(rowOf(row));
    good = printViolations(verdict(row)) && good;
    if (row.mayLose) printViolations([...row.lost, ...row.stale].slice(0, 10));
  }
  return { good, rows };
}

/** @param name the mark of its table */
async function runTopology<Target extends Stage, Each extends Fault<Target>>(
  name: string,
  all: readonly Each[],
  open: (fault: Each) => Promise<Target>,
  part: string,
): Promise<boolean> {
  const faults = all.filter((fault) => fault.name.includes(part));
  const { rows, good } = await runEach(faults, (fault) => measureOn(() => open(fault), fault, OPTIONS));
  if (part === '') await record(name, [HEAD, ...rows]);
  return good;
}

async function runRolling(): Promise<{ good: boolean; line: string }> {
  const { requests, restarts, closing, failures } = await rollingRestart({
    rounds: 3,
    clients: 16,
    everyMs: 25,
  });
  const line = `Rolling restart: ${restarts} restarts, ${requests} requests, ${closing} connections closed on request, ${failures.length} failures.`;
  console.log(line);
  return { good: printViolations(failures.slice(0, 10)), line };
}

async function runSoak(seconds: number, seed: number): Promise<boolean> {
  const report = await soak({ seconds, seed, boundMs, slowestMs: PROMISED.slowestMs });
  const { faults, requests, slowestMs, lagMs, heap, handles, violations } = report;
  const pairs = (all: SoakPairs) =>
    all.map((pair) => pair.map((size) => size.toFixed(0)).join(' → ')).join(', ');
  const line =
    `Soak: ${seconds} s, seed ${seed}, ${faults.length} faults, ${requests} requests, slowest read ` +
    `${slowestMs.toFixed(0)} ms (generator late by ${lagMs.toFixed(0)} ms at most), least heap of each replica ` +
    `${pairs(heap)} MiB, open handles ${pairs(handles)}, ${violations.length} violations.`;
  console.log(line);
  if (seconds >= 600) await record('soak', [line]);
  return printViolations(violations);
}

type SoakPairs = readonly (readonly [number, number])[];

async function runMutants(part: string): Promise<boolean> {
  let good = true;
  for (const each of CASES.filter(({ mutant }) => mutant.includes(part))) {
    const { found, output } = await isFound(each);
    console.log(`${found ? 'found    ' : 'NOT FOUND'} ${each.mutant} (${each.run})`);
    if (!found) console.log(output);
    good &&= found;
  }
  return good;
}

function printViolations(violations: readonly string[]): boolean {
  for (const violation of violations) console.log(`    ${violation}`);
  return violations.length === 0;
}
