import { setTimeout as delay } from 'node:timers/promises';
import { Batch } from './batch.ts';
import { Interrupt } from './interrupt.ts';
import { Pressure } from './pressure.ts';
import type { Item } from './record.ts';
import { type Sink, Unreachable } from './sink.ts';
import type { Source } from './source.ts';
import {
  addConflict,
  addFailedBatch,
  addFailure,
  addFault,
  addNote,
  emptySummary,
  type Summary,
} from './summary.ts';

const DEFAULTS = Object.freeze({
  /** Records. */
  batchSize: 500,
  /** A batch is sent when its keys and values reach this size, so that batches of large values stay small. */
  batchBytes: 1024 * 1024,
  /** Batches that may be open at the same time. */
  concurrency: 4,
  pause: (ms: number, signal?: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal }),
});

/** After this number of failed batches in a row, the load stops. */
const FAILURES_BEFORE_STOP = 3;

/** The progress of a load. `size` is 0 if the size of the source is unknown. */
export interface Progress extends Readonly<Summary> {
  /** Bytes of `size` that have been read. */
  readonly consumed: number;
  readonly size: number;
}

export interface LoadOptions {
  readonly batchSize?: number;
  readonly batchBytes?: number;
  readonly concurrency?: number;
  /** Called for each batch that is sent, and once at the end. The object is valid only during the call. */
  readonly onProgress?: (progress: Progress) => void;
  /** Stops the load at once when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Waits; rejects as soon as the signal aborts. */
  readonly pause?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
}

/** A `Source`, or any items of unknown size. */
export type Loadable = AsyncIterable<Item> & Partial<Pick<Source, 'file' | 'size' | 'consumed'>>;

/**
 * Writes every record of the source to the sink, in batches. A few batches are open at the same time, and only those
 * are in memory. Records with the same key are written in their order. A failed record or batch does not stop the
 * others.
 *
 * The service limits its pending writes, and the load shares this limit with other writers. So the load sends the first
 * batch alone. While Redis does not accept writes, it sends one batch at a time with growing pauses. It stops at 1,000
 * pending records.
 *
 * The promise resolves with a summary. `stopped` is the reason for an early end: the signal aborted, the source could
 * not be read, three batches in a row failed, or too many records are pending. It rejects with `Unreachable` if the
 * first batch could not reach the sink, and if `onProgress` throws.
 */
export async function load(source: Loadable, sink: Sink, options: LoadOptions = {}): Promise<Summary> {
  const { batchSize, batchBytes, concurrency, onProgress, signal, pause } = { ...DEFAULTS, ...options };
  const started = performance.now();
  const summary = emptySummary();
  summary.file = source.file ?? null;
  const interrupt = new Interrupt(signal);
  const openBatches = new Map<Batch, Promise<void>>();
  let failedInARow = 0;
  /** Whether the sink has answered or failed. */
  let tried = false;
  let unreachable: Unreachable | undefined;
  let sinkFailed = false;
  const pressure = new Pressure();

  const report = (): void => {
    summary.elapsedMs = performance.now() - started;
    onProgress?.({ ...summary, consumed: source.consumed?.() ?? 0, size: source.size ?? 0 });
  };

  const send = async (batch: Batch): Promise<void> => {
    try {
      const outcomes = await interrupt.wait(sink.write(batch.records, signal));
      if (outcomes.length !== batch.size) {
        throw new Error(`received ${outcomes.length} results for ${batch.size} records`);
      }
      failedInARow = 0;
      tried = true;
      for (const [index, { status, reason = 'no reason given' }] of outcomes.entries()) {
        const record = { line: batch.lines[index]!, key: batch.records[index]!.key, reason };
        if (status === 'stored' || status === 'kept') summary[status]++;
        else if (status === 'conflict') addConflict(summary, record);
        else addFailure(summary, status === 'pending' ? 'pending' : 'failed', record);
      }
      const stop = pressure.note(outcomes);
      if (stop !== undefined) {
        sinkFailed = true;
        summary.stopped = stop;
      }
    } catch (error) {
      const reason = interrupt.happened ? 'interrupted before an answer arrived' : messageOf(error);
      const first = { line: batch.lines[0]!, key: batch.records[0]!.key };
      addFailedBatch(summary, first, batch.size, reason);
      if (!tried && error instanceof Unreachable) {
        unreachable = error;
        sinkFailed = true;
      }
      tried = true;
      if (!interrupt.happened && ++failedInARow === FAILURES_BEFORE_STOP) {
        sinkFailed = true;
        summary.stopped = `${FAILURES_BEFORE_STOP} batches in a row failed; the last error: ${reason}`;
      }
    } finally {
      openBatches.delete(batch);
    }
  };

  const dispatch = async (batch: Batch): Promise<void> => {
    const mustWait = (): boolean =>
      openBatches.size >= pressure.concurrency(concurrency) ||
      [...openBatches.keys()].some((other) => batch.sharesKeyWith(other));
    while (mustWait()) await Promise.race(openBatches.values());
    const pauseMs = sinkFailed || interrupt.happened ? 0 : pressure.nextPauseMs();
    // The next line handles an interrupt.
    if (pauseMs > 0) await pause(pauseMs, signal).catch(() => {});
    if (sinkFailed || interrupt.happened) summary.unsent += batch.size;
    else openBatches.set(batch, send(batch));
    report();
  };

  const iterator = source[Symbol.asyncIterator]();
  let batch = new Batch();
  try {
    while (!sinkFailed) {
      const item = await nextItem(iterator, interrupt, summary);
      if (item === undefined) break;
      if ('note' in item) {
        addNote(summary, item.note);
      } else if ('fault' in item) {
        addFault(summary, item.fault);
        const { line, reason, fatal } = item.fault;
        if (fatal)
          summary.stopped ??= `${source.file === undefined ? '' : `${source.file}, `}line ${line}: ${reason}`;
      } else if ('conflict' in item) {
        summary.read++;
        addConflict(summary, item.conflict);
      } else if ('incomplete' in item) {
        summary.incomplete ??= item.incomplete;
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
    await Promise.all(openBatches.values());
    if (unreachable !== undefined) throw unreachable;
    if (interrupt.happened) summary.stopped ??= 'interrupted';
    report();
    return summary;
  } finally {
    interrupt.dispose();
    // Not awaited, because a source that hangs would block an interrupted load.
    iterator.return?.().catch(() => {});
  }
}

/** The next item; `undefined` at the end, after an interrupt, or if the source fails (the reason is in `stopped`). */
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
