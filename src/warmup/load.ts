import { setTimeout as delay } from 'node:timers/promises';
import { Batch } from './batch.ts';
import { Interrupt } from './interrupt.ts';
import { Pressure } from './pressure.ts';
import type { Item } from './record.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import { addFailure, addFault, addNote, emptySummary, type Summary } from './summary.ts';

const DEFAULTS = Object.freeze({
  /** Records. */
  batchSize: 500,
  /** Bytes of keys and values; a batch ends once it holds as many, so that large values travel in small batches. */
  batchBytes: 1024 * 1024,
  /** Batches under way at once. */
  concurrency: 4,
  pause: (ms: number, signal?: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal }),
});

/** After so many failed batches without one that succeeded between, the sink is taken for gone. */
const FAILURES_BEFORE_GIVING_UP = 3;

/** How far a load is. `size` 0: the source does not know how much there is. */
export interface Progress extends Readonly<Summary> {
  /** Bytes of `size` that were read. */
  readonly consumed: number;
  readonly size: number;
}

export interface LoadOptions {
  readonly batchSize?: number;
  readonly batchBytes?: number;
  readonly concurrency?: number;
  /** Called after each batch that leaves and once at the end. The object is valid during the call only. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the load at once, wherever it waits. */
  readonly signal?: AbortSignal | undefined;
  /** Waits so many milliseconds; rejects as soon as the signal aborts. */
  readonly pause?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
}

/** What can be loaded: a `Source`, or any items (of unknown size). */
export type Loadable = AsyncIterable<Item> & Partial<Pick<Source, 'size' | 'consumed'>>;

/**
 * Moves every record from the source to the sink, in batches, a few at once; holds no more than those
 * in memory. Records with one key arrive in their order. A record that fails does not stop the others,
 * nor does a batch.
 *
 * Pending writes of the service have a bound that live writers share. So the first batch leaves alone, and while Redis
 * does not take what is sent, batches leave one at a time with growing pauses. The load stops at 1,000 pending records.
 *
 * It always resolves, with a summary whose `stopped` tells why it ended early: the signal aborted, the
 * source could not be read further, three batches in a row failed, or too much is pending. It rejects only when
 * `onProgress` throws.
 */
export async function load(source: Loadable, sink: Sink, options: LoadOptions = {}): Promise<Summary> {
  const { batchSize, batchBytes, concurrency, onProgress, signal, pause } = { ...DEFAULTS, ...options };
  const started = performance.now();
  const summary = emptySummary();
  const interrupt = new Interrupt(signal);
  const underWay = new Map<Batch, Promise<void>>();
  let failedInARow = 0;
  let sinkGone = false;
  const pressure = new Pressure();

  const report = (): void => {
    summary.elapsedMs = performance.now() - started;
    onProgress?.({ ...summary, consumed: source.consumed?.() ?? 0, size: source.size ?? 0 });
  };

  const send = async (batch: Batch): Promise<void> => {
    try {
      const outcomes = await interrupt.wait(sink.write(batch.records, signal));
      if (outcomes.length !== batch.size) {
        throw new Error(`${outcomes.length} outcomes came back for ${batch.size} records`);
      }
      failedInARow = 0;
      for (const [index, { status, reason = 'no reason given' }] of outcomes.entries()) {
        if (status === 'stored' || status === 'kept') summary[status]++;
        else failRecord(summary, batch, index, reason, status === 'pending' ? 'pending' : 'failed');
      }
      const stop = pressure.note(outcomes);
      if (stop !== undefined) {
        sinkGone = true;
        summary.stopped = stop;
      }
    } catch (error) {
      const reason = interrupt.happened ? 'interrupted before an answer came' : messageOf(error);
      for (let index = 0; index < batch.size; index++) failRecord(summary, batch, index, reason);
      if (!interrupt.happened && ++failedInARow === FAILURES_BEFORE_GIVING_UP) {
        sinkGone = true;
        summary.stopped = `${FAILURES_BEFORE_GIVING_UP} batches in a row failed, the last one with: ${reason}`;
      }
    } finally {
      underWay.delete(batch);
    }
  };

  const dispatch = async (batch: Batch): Promise<void> => {
    const mustWait = (): boolean =>
      underWay.size >= pressure.concurrency(concurrency) ||
      [...underWay.keys()].some((other) => batch.sharesKeyWith(other));
    while (mustWait()) await Promise.race(underWay.values());
    const pauseMs = sinkGone || interrupt.happened ? 0 : pressure.nextPauseMs();
    // An interrupt is noticed below.
    if (pauseMs > 0) await pause(pauseMs, signal).catch(() => {});
    if (sinkGone || interrupt.happened) summary.unsent += batch.size;
    else underWay.set(batch, send(batch));
    report();
  };

  const iterator = source[Symbol.asyncIterator]();
  let batch = new Batch();
  try {
    while (!sinkGone) {
      const item = await nextItem(iterator, interrupt, summary);
      if (item === undefined) break;
      if ('note' in item) {
        addNote(summary, item.note);
      } else if ('fault' in item) {
        addFault(summary, item.fault);
        if (item.fault.fatal) summary.stopped ??= `line ${item.fault.line}: ${item.fault.reason}`;
      } else {
        summary.read++;
        if (batch.add(item.record, item.line)) summary.superseded++;
        if (batch.size < batchSize && batch.bytes < batchBytes) continue;
        const full = batch;
        batch = new Batch();
        await dispatch(full);
      }
    }
    if (batch.size > 0) await dispatch(batch);
    await Promise.all(underWay.values());
    if (interrupt.happened) summary.stopped ??= 'interrupted';
    report();
    return summary;
  } finally {
    interrupt.dispose();
    // Not awaited: a source that hangs would keep an interrupted load from ending.
    iterator.return?.().catch(() => {});
  }
}

/** The next item; `undefined` at the end, when interrupted, and when the source fails (noted in `stopped`). */
async function nextItem(
  iterator: AsyncIterator<Item>,
  interrupt: Interrupt,
  summary: Summary,
): Promise<Item | undefined> {
  try {
    const { done, value } = await interrupt.wait(iterator.next());
    return done ? undefined : value;
  } catch (error) {
    if (!interrupt.happened) summary.stopped ??= messageOf(error);
    return undefined;
  }
}

function failRecord(
  summary: Summary,
  batch: Batch,
  index: number,
  reason: string,
  as: 'failed' | 'pending' = 'failed',
): void {
  addFailure(summary, as, { line: batch.lines[index]!, key: batch.records[index]!.key, reason });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
