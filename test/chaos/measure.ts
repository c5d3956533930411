/** One fault under load, from a calm start to a calm end, and what it did. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../../loadtest/support/random.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { CpuWaits } from '../support/cpu-waits.ts';
import { fill, lostOf, recovery, rss } from './checks.ts';
import { Contended, writeContended } from './contended.ts';
import type { Fault } from './faults.ts';
import { type HeldUp, Lag } from './lag.ts';
import { Ledger } from './ledger.ts';
import { type Sample, startLoad } from './load.ts';
import { openStage, type Stage } from './stage.ts';

export interface MeasureOptions {
  /** Of the load before the fault and after the recovery, in ms. */
  readonly calmMs: number;
  /** After how long what was acknowledged must be seen, in ms. */
  readonly boundMs: number;
  readonly seed?: number;
}

export interface Row {
  readonly name: string;
  readonly postpones: boolean;
  readonly repeats: boolean;
  readonly reads: number;
  /** Reads and batches that were answered 5xx or not at all, or in which an item failed. */
  readonly failedReads: number;
  /** Of all reads, from when they were due, in ms; and that without what the machine held up. */
  readonly slowestMs: number;
  readonly slowestOwnMs: number;
  /** The share of reads during the fault that took longer than `SLOW_MS`, by their own time. */
  readonly slowShare: number;
  /** The longest that the generator was held up, in ms. */
  readonly lagMs: number;
  readonly writes: number;
  /** Answered 202. */
  readonly postponed: number;
  /** Answered 5xx or not at all. */
  readonly failedWrites: number;
  /** Until the first log line or mark of a reply, in ms, without what the machine held up; Infinity for never. */
  readonly noticedMs: number;
  /** Warnings and errors of the replica that was struck. */
  readonly logLines: number;
  /** How often its circuit breaker opened. On a busy machine one fault may look like several. */
  readonly outages: number;
  /**
   * From the fault's end until every replica is coherent, has nothing to make up for, and writes through; without what
   * the machine held up.
   */
  readonly recoveredMs: number;
  readonly lost: readonly string[];
  readonly stale: readonly string[];
  /** Of the replica that the fault struck, in MiB. */
  readonly rssBefore: number;
  readonly rssAfter: number;
}

/** What only a wait for Redis explains: a read that L1 answers takes a tenth of it. */
const SLOW_MS = 30;
/** Requests a second to each replica. */
export const RATES = [240, 100];
export const COUNTERS = 60;

export async function measure(fault: Fault, options: MeasureOptions): Promise<Row> {
  const stage = await openStage({ password: fault.withoutPassword !== true });
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

async function run(
  fault: Fault,
  stage: Stage,
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
  // A machine that is busy may have made the last writes wait too long for Redis: they are in pending writes again.
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
    reads: reads.length,
    failedReads: reads.filter(failed).length,
    slowestMs: longest(reads.map(({ ms }) => ms)),
    slowestOwnMs: longest(reads.map(({ ownMs }) => ownMs)),
    slowShare: during.filter(({ ownMs }) => ownMs > SLOW_MS).length / Math.max(1, during.length),
    lagMs: lag.longest(began),
    writes: writes.length,
    postponed: writes.filter(({ status }) => status === 202).length,
    failedWrites: writes.filter(failed).length,
    noticedMs: own(began, noticedAt),
    logLines: lines.length,
    outages: lines.filter(({ msg }) => msg.startsWith('circuit breaker open')).length,
    recoveredMs: own(ended, recoveredAt),
    lost: [
      ...(await lostOf(stage, ledger, fault.losesData ? struck : undefined)),
      ...(await contended.lost(stage.connection, fault.losesData ? ended : undefined)),
    ],
    // What Redis lost may come back older, from a replica that had it pending.
    stale: [
      ...ledger.stale(options.boundMs, recoveredAt, heldUp),
      ...(fault.losesData ? [] : contended.stale(options.boundMs, heldUp)),
    ],
    rssBefore,
    rssAfter: await rss(replicas[0]!),
  };
}

/** A read that this is true of is one too many. */
export function failed({ status, mark }: Sample): boolean {
  return status === 0 || status >= 500 || mark === 'error';
}

function noticedInReplies(samples: readonly Sample[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { status, mark, end } of samples)
    if (mark !== '' || status === 202) first = Math.min(first, end);
  return first;
}

/** What the replicas warned of or reported as errors, and when, in ms since the epoch. */
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
