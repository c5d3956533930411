/** Measures one fault under load, from a calm start to a calm end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../../loadtest/support/random.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { CpuWaits } from '../support/cpu-waits.ts';
import { fill, lostOf, recovery, rss } from './checks.ts';
import { Contended, writeContended } from './contended.ts';
import type { Fault, ServerFault } from './faults.ts';
import { type HeldUp, Lag } from './lag.ts';
import { Ledger } from './ledger.ts';
import { type Sample, startLoad } from './load.ts';
import { openStage, type Stage } from './stage.ts';

export interface MeasureOptions {
  /** The time of load before the fault and after the recovery, in ms. */
  readonly calmMs: number;
  /** The time after which every read must return an acknowledged write, in ms. */
  readonly boundMs: number;
  readonly seed?: number;
}

export interface Row {
  readonly name: string;
  readonly postpones: boolean;
  readonly repeats: boolean;
  /** Whether Redis may have lost writes: then `lost` and `stale` break no promise. */
  readonly mayLose: boolean;
  readonly silent: boolean;
  readonly reads: number;
  /** Reads and batches with a 5xx, no answer or a failed item. */
  readonly failedReads: number;
  /** GETs with a 404 and a mark: neither Redis nor L1 could answer. */
  readonly unknownReads: number;
  /** The unknown reads for which the machine cannot be the cause: it delayed them by less than `BARELY_MS`. */
  readonly unknown: readonly string[];
  /** The slowest read from its scheduled time, in ms; `Own` is without the delays of the machine. */
  readonly slowestMs: number;
  readonly slowestOwnMs: number;
  /** The share of reads during the fault that took longer than `SLOW_MS`, without the delays of the machine. */
  readonly slowShare: number;
  /** The longest delay of the generator, in ms. */
  readonly lagMs: number;
  readonly writes: number;
  /** Writes with the answer 202. */
  readonly postponed: number;
  /** Writes with a 5xx or no answer. */
  readonly failedWrites: number;
  /** The time to the first log line or marked reply, in ms, without the delays of the machine; Infinity for never. */
  readonly noticedMs: number;
  /** Warnings and errors of the affected replica. */
  readonly logLines: number;
  /** The outages of the fault, or how often the circuit breaker opened, if that is more often. */
  readonly outages: number;
  /**
   * The time from the end of the fault until every replica is coherent, has no pending writes and writes to Redis,
   * in ms, without the delays of the machine.
   */
  readonly recoveredMs: number;
  readonly lost: readonly string[];
  readonly stale: readonly string[];
  /** The resident memory of the processes of the affected replica, in MiB. */
  readonly rssBefore: number;
  readonly rssAfter: number;
}

/** A slower read must have waited for Redis: an L1 hit takes a tenth of this time. */
const SLOW_MS = 30;
const BARELY_MS = 5;
/** Requests a second to each replica. */
export const RATES = [240, 100];
export const COUNTERS = 60;

export function measure(fault: ServerFault, options: MeasureOptions): Promise<Row> {
  return measureOn(() => openStage({ password: fault.withoutPassword !== true }), fault, options);
}

/** Measures a fault of the target that `open` starts. */
export async function measureOn<Target extends Stage>(
  open: () => Promise<Target>,
  fault: Fault<Target>,
  options: MeasureOptions,
): Promise<Row> {
  const stage = await open();
  const lag = new Lag();
  const waits = new CpuWaits(stage.pids);
  try {
    return await run(fault, stage, lag, (from, to) => lag.within(from, to) + waits.within(from, to), options);
  } finally {
    lag.stop();
    waits.stop();
    await stage.close();
  }
}

async function run<Target extends Stage>(
  fault: Fault<Target>,
  stage: Target,
  lag: Lag,
  heldUp: HeldUp,
  options: MeasureOptions,
): Promise<Row> {
  const { replicas } = stage;
  await fill(replicas[1]!);
  const ledger = new Ledger(COUNTERS);
  const random = seeded(options.seed ?? 1);
  const contended = new Contended();
  const load = await startLoad(stage, { rates: RATES, ledger, contended, heldUp, random });
  const stopWriting = writeContended(stage.connection, contended, seeded(random() * 2 ** 31));
  await sleep(options.calmMs);
  const rssBefore = await rss(replicas[0]!);

  const began = performance.now();
  const beganAt = Date.now();
  await fault.begin(stage);
  const struck = performance.now();
  await sleep(fault.holdMs);
  ledger.resting = 0;
  await fault.end(stage);
  const ended = performance.now();
  const recoveredAt = await recovery(replicas);
  await sleep(options.calmMs);
  await load.stop();
  await stopWriting();
  // On a busy machine the last writes may have timed out and may be pending again.
  await recovery(replicas);

  const samples = load.samples.filter(({ due }) => due >= began);
  const reads = samples.filter(({ kind }) => kind !== 'write');
  const during = reads.filter(({ due, replica }) => due < ended && replica === 0);
  const writes = samples.filter(({ kind }) => kind === 'write');
  const own = (from: number, to: number) =>
    to === Number.POSITIVE_INFINITY ? to : Math.max(0, to - from - heldUp(from, to));
  const noticedAt = Math.min(
    noticedInReplies(samples),
    ...logged(replicas, beganAt).map(({ time }) => began + (time - beganAt)),
  );
  const lines = logged(replicas.slice(0, 1), beganAt);
  return {
    name: fault.name,
    postpones: fault.postpones,
    repeats: fault.repeats === true,
    mayLose: fault.mayLose === true,
    silent: fault.silent === true,
    reads: reads.length,
    failedReads: reads.filter(failed).length,
    unknownReads: reads.filter(isUnknown).length,
    unknown: reads
      .filter((read) => isUnknown(read) && read.ms - read.ownMs < BARELY_MS)
      .map(({ replica, due, ms, ownMs, mark }) => {
        const after = (due - began).toFixed(0);
        return `replica ${replica}, ${after} ms after the fault: ${mark}, ${ms.toFixed(1)} ms (${ownMs.toFixed(1)} without the machine)`;
      }),
    slowestMs: longest(reads.map(({ ms }) => ms)),
    slowestOwnMs: longest(reads.map(({ ownMs }) => ownMs)),
    slowShare: during.filter(({ ownMs }) => ownMs > SLOW_MS).length / Math.max(1, during.length),
    lagMs: lag.longest(began),
    writes: writes.length,
    postponed: writes.filter(({ status }) => status === 202).length,
    failedWrites: writes.filter(failed).length,
    noticedMs: own(began, noticedAt),
    logLines: lines.length,
    outages: Math.max(
      fault.outages ?? 1,
      lines.filter(({ msg }) => msg.startsWith('circuit breaker open')).length,
    ),
    recoveredMs: own(ended, recoveredAt),
    lost: [
      ...(await lostOf(stage, ledger, fault.losesData ? struck : undefined)),
      ...(await contended.lost(stage.connection, fault.losesData ? ended : undefined)),
    ],
    // After a loss of data, an older pending write of a replica may be applied.
    stale: [
      ...ledger.stale(options.boundMs, recoveredAt, heldUp),
      ...(fault.losesData ? [] : contended.stale(options.boundMs, heldUp)),
    ],
    rssBefore,
    rssAfter: await rss(replicas[0]!),
  };
}

function isUnknown({ status, mark }: Sample): boolean {
  return status === 404 && mark !== '';
}

/** Whether a request failed. */
export function failed({ status, mark }: Sample): boolean {
  return status === 0 || status >= 500 || mark === 'error';
}

function noticedInReplies(samples: readonly Sample[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { status, mark, end } of samples)
    if (mark !== '' || status === 202) first = Math.min(first, end);
  return first;
}

/** Warnings and errors of the replicas, with their time in ms since the epoch. */
function logged(replicas: readonly Service[], since: number): { msg: string; time: number }[] {
  return replicas
    .flatMap(({ logs }) => logs)
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map(({ msg = '', time }) => ({ msg, time: Date.parse(String(time)) }))
    .filter(({ time }) => time >= since);
}

function longest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), 0);
}
