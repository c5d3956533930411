import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, type Progress } from '../../src/warmup/load.ts';
import type { Item, WarmupRecord } from '../../src/warmup/record.ts';
import { type Outcome, type Sink, Unreachable } from '../../src/warmup/sink.ts';
import type { Summary } from '../../src/warmup/summary.ts';

test('every record reaches the sink once, in batches of the size asked for', async () => {
  const sink = recordingSink();
  const summary = await load(items(1234), sink, { batchSize: 100 });
  assert.deepEqual(
    sink.batches.map((batch) => batch.length),
    [...Array(12).fill(100), 34],
  );
  assert.equal(new Set(sink.batches.flat().map((record) => record.key)).size, 1234);
  assert.equal(summary.read, 1234);
  assert.equal(summary.stored, 1234);
  assert.equal(summary.stopped, null);
  assert.ok(summary.elapsedMs > 0);
  balanced(summary);
});

test('a batch also ends once it holds enough bytes', async () => {
  const sink = recordingSink();
  const large = async function* (): AsyncGenerator<Item> {
    for (let n = 0; n < 5; n++) yield { record: { key: `k${n}`, json: `"${'x'.repeat(500)}"` }, line: n };
  };
  await load(large(), sink, { batchBytes: 1000 });
  assert.deepEqual(
    sink.batches.map((batch) => batch.length),
    [2, 2, 1],
  );
});

test('the concurrency limits the batches in flight, and reading waits for them', async () => {
  const gate = gatedSink();
  let taken = 0;
  const counting = async function* (): AsyncGenerator<Item> {
    for await (const item of items(100)) {
      taken++;
      yield item;
    }
  };
  const done = load(counting(), gate.sink, { batchSize: 10, concurrency: 3 });
  await settle();
  assert.equal(gate.waiting.length, 1, 'the first batch leaves alone');
  assert.equal(taken, 20);
  gate.waiting.shift()!();
  await settle();
  assert.equal(gate.waiting.length, 3);
  assert.equal(taken, 50);
  while (gate.answered < 10) {
    gate.waiting.shift()?.();
    await settle();
    assert.ok(gate.waiting.length <= 3);
  }
  assert.equal((await done).stored, 100);
});

test('outcomes are counted one by one, with line and code for those that failed', async () => {
  const sink: Sink = {
    write: async (batch) =>
      batch.map(({ key }): Outcome => {
        if (key === 'k3') return { status: 'kept' };
        if (key === 'k5') return { status: 'error', reason: 'value_too_large' };
        return { status: 'stored' };
      }),
  };
  const summary = await load(items(10), sink, { batchSize: 4 });
  assert.deepEqual([summary.stored, summary.kept, summary.failed], [8, 1, 1]);
  assert.deepEqual(summary.failures, [{ line: 6, key: 'k5', reason: 'value_too_large' }]);
  balanced(summary);
});

test('faults and notes are collected; of many faults the first twenty are kept and all are counted', async () => {
  const source = async function* (): AsyncGenerator<Item> {
    for (let line = 1; line <= 50; line++) yield { fault: { line, reason: 'bad' } };
    yield { note: 'remarkable' };
    yield* items(3);
  };
  const summary = await load(source(), recordingSink());
  assert.equal(summary.faultCount, 50);
  assert.equal(summary.faults.length, 20);
  assert.deepEqual(summary.faults[19], { line: 20, reason: 'bad' });
  assert.deepEqual(summary.notes, ['remarkable']);
  assert.deepEqual([summary.read, summary.stored], [3, 3]);
});

test('only the later of two records with the same key in a batch is sent', async () => {
  const sink = recordingSink();
  const summary = await load(list([record('a', 1), record('b', 1), record('a', 2)]), sink);
  assert.deepEqual(sink.batches, [[record('a', 2).record, record('b', 1).record]]);
  assert.deepEqual([summary.read, summary.stored, summary.superseded], [3, 2, 1]);
  balanced(summary);
});

test('a batch waits for a batch in flight that shares a key', async () => {
  const gate = gatedSink();
  const records = [record('z', 1), record('a', 1), record('b', 1), record('a', 2)];
  const done = load(list(records), gate.sink, { batchSize: 1 });
  await settle();
  gate.waiting.shift()!();
  await settle();
  gate.received.shift();
  assert.deepEqual(gate.received, ['a=1', 'b=1']);
  gate.waiting[0]!();
  await settle();
  assert.deepEqual(gate.received, ['a=1', 'b=1', 'a=2']);
  for (const open of gate.waiting.splice(1)) open();
  assert.equal((await done).stored, 4);
});

test('a load stops at 1,000 pending records, having sent one batch at a time with growing pauses', async () => {
  const pauses: number[] = [];
  let underWay = 0;
  let most = 0;
  const sink: Sink = {
    async write(batch) {
      most = Math.max(most, ++underWay);
      await settle();
      underWay--;
      return batch.map(() => ({ status: 'pending', reason: 'l2_unavailable' }));
    },
  };
  const pause = async (ms: number) => pauses.push(ms);
  const summary = await load(items(13_425), sink, { batchSize: 150, pause });
  assert.equal(most, 1);
  assert.deepEqual([summary.stored, summary.pending, summary.failed], [0, 1050, 0]);
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
  assert.match(summary.stopped!, /^Redis did not confirm 1050 records; load the file again/);
  assert.deepEqual(summary.failures[0], { line: 1, key: 'k0', reason: 'l2_unavailable' });
  balanced(summary);
});

test('a record refused for full pending writes counts as pending', async () => {
  const reason = 'pending_writes_full: Redis is not connected, and the pending writes are full';
  const sink: Sink = { write: async (batch) => batch.map(() => ({ status: 'error', reason })) };
  const summary = await load(items(13_425), sink, { pause: async () => {} });
  assert.deepEqual([summary.stored, summary.pending, summary.failed], [0, 0, 1000]);
  assert.match(summary.stopped!, /^Redis did not confirm 1000 records/);
  balanced(summary);
});

test('a load continues at full speed when Redis accepts writes again', async () => {
  const pauses: number[] = [];
  let writes = 0;
  const sink: Sink = {
    async write(batch) {
      const pending = ++writes === 2 || writes === 4;
      return batch.map(() =>
        pending ? { status: 'pending', reason: 'write_unknown' } : { status: 'stored' },
      );
    },
  };
  const pause = async (ms: number) => pauses.push(ms);
  const summary = await load(items(100), sink, { batchSize: 10, concurrency: 1, pause });
  assert.deepEqual(pauses, [500, 500]);
  assert.deepEqual([summary.stored, summary.pending, summary.stopped], [80, 20, null]);
  balanced(summary);
});

test('an interrupt ends a pause', async () => {
  const abort = new AbortController();
  const sink: Sink = {
    async write(batch) {
      setImmediate(() => abort.abort());
      return batch.map(() => ({ status: 'pending', reason: 'l2_unavailable' }));
    },
  };
  const summary = await load(items(100), sink, { batchSize: 10, signal: abort.signal });
  assert.deepEqual([summary.pending, summary.stopped], [10, 'interrupted']);
  balanced(summary);
});

test('a failed batch loses its own records only, and its reason is stored once', async () => {
  const sink = failingSink((batch) => batch[0]!.key === 'k10' || batch[0]!.key === 'k30');
  const summary = await load(items(50), sink, { batchSize: 10, concurrency: 1 });
  assert.deepEqual([summary.stored, summary.failed, summary.stopped], [30, 20, null]);
  assert.deepEqual(summary.failures, [{ line: 11, key: 'k10', reason: 'connection refused', records: 20 }]);
  balanced(summary);
});

test('three failed batches in a row end the load with the reason', async () => {
  let writes = 0;
  const sink = failingSink(() => ++writes > 2);
  const summary = await load(items(1000), sink, { batchSize: 10, concurrency: 1 });
  assert.equal(writes, 5);
  assert.equal(summary.stopped, '3 batches in a row failed; the last error: connection refused');
  assert.deepEqual([summary.stored, summary.failed], [20, 30]);
  assert.ok(summary.read < 100);
  balanced(summary);
});

test('a sink that is unreachable from the start rejects the load', async () => {
  let writes = 0;
  const sink: Sink = {
    async write() {
      writes++;
      throw new Unreachable('cannot reach http://a: connection refused');
    },
  };
  await assert.rejects(load(items(1000), sink), { message: 'cannot reach http://a: connection refused' });
  assert.equal(writes, 1);
});

test('a sink that becomes unreachable is the reason of its batches', async () => {
  let writes = 0;
  const sink: Sink = {
    async write(batch) {
      if (++writes > 1) throw new Unreachable('cannot reach http://a: connection refused');
      return batch.map(() => ({ status: 'stored' }));
    },
  };
  const summary = await load(items(1000), sink, { batchSize: 10 });
  assert.equal(summary.stored, 10);
  assert.equal(summary.failures.length, 1);
  assert.match(summary.stopped!, /^3 batches in a row failed/);
  balanced(summary);
});

test('conflicts are counted, and a source may be incomplete', async () => {
  const sink: Sink = {
    write: async (batch) =>
      batch.map(({ key }) =>
        key === 'k1' ? { status: 'conflict', reason: 'other contract' } : { status: 'stored' },
      ),
  };
  const source = async function* (): AsyncGenerator<Item> {
    yield* items(3);
    yield { conflict: { line: 9, key: 'k0', reason: 'two currencies' } };
    yield { incomplete: 'no #EOF' };
  };
  const summary = await load(source(), sink);
  assert.deepEqual([summary.read, summary.stored, summary.conflictCount], [4, 2, 2]);
  assert.deepEqual(summary.conflicts, [
    { line: 9, key: 'k0', reason: 'two currencies' },
    { line: 2, key: 'k1', reason: 'other contract' },
  ]);
  assert.equal(summary.incomplete, 'no #EOF');
  balanced(summary);
});

test('a dead sink ends the load with several batches in flight', async () => {
  const summary = await load(
    items(10_000),
    failingSink(() => true),
    { batchSize: 10 },
  );
  assert.match(summary.stopped!, /^3 batches in a row failed/);
  assert.ok(summary.read <= 80);
  balanced(summary);
});

test('two failed batches, one good one, two failed ones do not end the load', async () => {
  let writes = 0;
  const sink = failingSink(() => ++writes % 3 !== 0);
  const summary = await load(items(90), sink, { batchSize: 10, concurrency: 1 });
  assert.deepEqual([summary.stored, summary.failed, summary.stopped], [30, 60, null]);
});

test('a sink that answers too few outcomes has failed, and so has one that throws at once', async () => {
  const few = await load(items(2), { write: async () => [{ status: 'stored' }] });
  assert.equal(few.failures[0]?.reason, 'received 1 results for 2 records');
  const throwing = await load(items(2), {
    write() {
      throw new Error('no');
    },
  });
  assert.deepEqual([throwing.failed, throwing.failures[0]?.reason], [2, 'no']);
});

test('a source that fails half way ends the load with its reason, after its records were sent', async () => {
  const source = async function* (): AsyncGenerator<Item> {
    yield* items(5);
    throw new Error('the disk is gone');
  };
  const summary = await load(source(), recordingSink());
  assert.deepEqual([summary.stored, summary.stopped], [5, 'the disk is gone']);
});

test('a fatal fault is why the load stopped', async () => {
  const source = list([{ fault: { line: 2, reason: 'columns are missing', fatal: true } }]);
  const summary = await load(source, recordingSink());
  assert.deepEqual([summary.faultCount, summary.stopped], [1, 'line 2: columns are missing']);
});

test('an abort ends the load though the sink never answers', async () => {
  const abort = new AbortController();
  let writes = 0;
  const sink: Sink = {
    write: async (batch) =>
      writes++ === 0 ? batch.map(() => ({ status: 'stored' })) : new Promise(() => {}),
  };
  const done = load(items(100), sink, { batchSize: 10, concurrency: 2, signal: abort.signal });
  await settle();
  abort.abort();
  const summary = await done;
  assert.equal(summary.stopped, 'interrupted');
  assert.deepEqual([summary.stored, summary.failed, summary.unsent], [10, 20, 10]);
  assert.equal(summary.failures[0]?.reason, 'interrupted before an answer arrived');
  balanced(summary);
});

test('an abort ends the load though the source never answers', async () => {
  const abort = new AbortController();
  const source = async function* (): AsyncGenerator<Item> {
    yield* items(3);
    await new Promise(() => {});
  };
  const done = load(source(), recordingSink(), { signal: abort.signal });
  await settle();
  abort.abort();
  const summary = await done;
  assert.deepEqual([summary.stopped, summary.unsent], ['interrupted', 3]);
  balanced(summary);
});

test('a signal that was aborted before stops the load before it reads', async () => {
  const summary = await load(items(3), recordingSink(), { signal: AbortSignal.abort() });
  assert.deepEqual([summary.read, summary.stopped], [0, 'interrupted']);
});

test('the sink receives the abort signal', async () => {
  const { signal } = new AbortController();
  let seen: AbortSignal | undefined;
  await load(
    items(1),
    {
      async write(batch, given) {
        seen = given;
        return batch.map(() => ({ status: 'stored' }));
      },
    },
    { signal },
  );
  assert.equal(seen, signal);
});

test('the source is closed when the load ends early', async () => {
  let closed = false;
  const source = async function* (): AsyncGenerator<Item> {
    try {
      yield* items(1000);
    } finally {
      closed = true;
    }
  };
  await load(
    source(),
    failingSink(() => true),
    { batchSize: 10 },
  );
  await settle();
  assert.ok(closed);
});

test('progress is reported at each batch and at the end, with the bytes read', async () => {
  const seen: Progress[] = [];
  const source = Object.assign(items(25), { size: 1000, consumed: () => 500 });
  await load(source, recordingSink(), { batchSize: 10, onProgress: (progress) => seen.push(progress) });
  assert.equal(seen.length, 4);
  assert.deepEqual(
    seen.map((progress) => progress.read),
    [10, 20, 25, 25],
  );
  assert.deepEqual([seen[3]!.stored, seen[3]!.consumed, seen[3]!.size], [25, 500, 1000]);
});

function record(key: string, value: number): { record: WarmupRecord; line: number } {
  return { record: { key, json: String(value) }, line: value };
}

async function* items(count: number): AsyncGenerator<Item> {
  for (let n = 0; n < count; n++) yield { record: { key: `k${n}`, json: '1' }, line: n + 1 };
}

async function* list(all: Item[]): AsyncGenerator<Item> {
  yield* all;
}

function recordingSink(): Sink & { batches: WarmupRecord[][] } {
  const batches: WarmupRecord[][] = [];
  return {
    batches,
    async write(batch) {
      batches.push([...batch]);
      return batch.map(() => ({ status: 'stored' }));
    },
  };
}

function failingSink(fails: (batch: readonly WarmupRecord[]) => boolean): Sink {
  return {
    async write(batch) {
      if (fails(batch)) throw new Error('connection refused');
      return batch.map(() => ({ status: 'stored' }));
    },
  };
}

/** A sink that answers a batch when its gate is called. */
function gatedSink() {
  const gate = {
    waiting: [] as (() => void)[],
    received: [] as string[],
    answered: 0,
    sink: {
      async write(batch) {
        gate.received.push(...batch.map(({ key, json }) => `${key}=${json}`));
        await new Promise<void>((resolve) => gate.waiting.push(resolve));
        gate.answered++;
        return batch.map(() => ({ status: 'stored' }));
      },
    } as Sink,
  };
  return gate;
}

function balanced(summary: Summary): void {
  const { read, stored, kept, pending, superseded, conflictCount, failed, unsent } = summary;
  assert.equal(read, stored + kept + pending + superseded + conflictCount + failed + unsent);
}

/** Lets everything run that does not wait for a gate. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
