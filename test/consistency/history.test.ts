import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, type Read } from './history.ts';

const PLAIN = 'plain';
const DELETABLE = 'deletable';
const BOUND_MS = 100;

function history() {
  const made = new History((key) => key === DELETABLE);
  const write = (start: number, end: number, version: string, key = PLAIN) => {
    const op = made.begin(key, 'write', start);
    Object.assign(op, { end, version });
    return op;
  };
  const remove = (start: number, end: number) => {
    made.begin(DELETABLE, 'delete', start).end = end;
  };
  const read = (start: number, n: number, version: string | undefined, more: Partial<Read> = {}) =>
    made.reads.push({
      ...{ replica: 0, key: PLAIN, n, version, start, end: start + 1, coherence: '', marked: false },
      ...more,
    });
  return { made, write, remove, read, check: () => made.check(BOUND_MS) };
}

test('a read within the bound may return an old value, and the worst staleness is reported', () => {
  const { write, read, check } = history();
  write(0, 1, 'v1');
  write(2, 10, 'v2');
  read(9, 1, 'v1');
  read(60, 1, 'v1');
  assert.deepEqual(check(), { worstStalenessMs: 50, violations: [] });
});

test('a read that starts after the bound and returns the older value is a violation', () => {
  const { write, read, check } = history();
  write(0, 1, 'v1');
  write(0, 10, 'v2');
  read(111, 1, 'v1');
  assert.match(check().violations.join(), /^stale by 101\.0 ms: plain was #1/);
});

test('a marked old value and a read of an unacknowledged write are not violations', () => {
  const { write, read, check } = history();
  write(0, 1, 'v1');
  write(0, 10, 'v2');
  write(0, Number.POSITIVE_INFINITY, 'v3');
  read(200, 1, 'v1', { coherence: 'blind', marked: true });
  read(200, 3, 'v3');
  assert.deepEqual(check().violations, []);
});

test('a read of a value that was never written is a violation', () => {
  const { write, read, check } = history();
  write(0, 1, 'v1');
  read(5, 2, 'v2');
  assert.match(check().violations.join(), /no writer wrote/);
});

test('a miss of a written key without a delete is a violation', () => {
  const { write, read, check } = history();
  read(0, 0, undefined);
  write(0, 1, 'v1');
  read(200, 0, undefined);
  assert.match(check().violations.join(), /^stale by 199\.0 ms: plain was none/);
});

test('after a delete, a miss is allowed until the next write, and the old value is stale', () => {
  const { write, remove, read, check } = history();
  const of = { key: DELETABLE };
  write(0, 1, 'v1', DELETABLE);
  remove(2, 3);
  read(50, 0, undefined, of);
  read(90, 1, 'v1', { ...of, replica: 1 });
  assert.deepEqual(check(), { worstStalenessMs: 87, violations: [] });
  read(104, 1, 'v1', { ...of, replica: 1 });
  write(110, 120, 'v0', DELETABLE);
  read(221, 0, undefined, of);
  const { violations } = check();
  assert.equal(violations.length, 2);
  assert.match(violations[0]!, /stale by 101/);
  assert.match(violations[1]!, /stale by 101.*none/);
});

test('while a delete may still take effect, a miss is not a violation', () => {
  const { write, remove, read, check } = history();
  remove(0, Number.POSITIVE_INFINITY);
  write(2, 3, 'v1', DELETABLE);
  read(500, 0, undefined, { key: DELETABLE });
  assert.deepEqual(check().violations, []);
});

test('reads at one replica must not go back unless an answer in between showed a lesser state', () => {
  for (const [more, found] of [
    [{}, 1],
    [{ replica: 1 }, 0],
    [{ coherence: 'degraded' }, 0],
    [{ start: 19.5 }, 0],
  ] as const) {
    const { made, write, read } = history();
    write(0, 1000, 'v1');
    write(0, 1000, 'v2');
    read(19, 2, 'v2');
    read(25, 1, 'v1', more);
    assert.equal(made.check(BOUND_MS).violations.length, found, JSON.stringify(more));
  }
  const { made, write, read } = history();
  write(0, 1000, 'v1');
  write(0, 1000, 'v2');
  read(19, 2, 'v2');
  read(25, 2, 'v2', { coherence: 'degraded' });
  read(30, 1, 'v1');
  assert.equal(made.check(BOUND_MS).violations.length, 0);
});

test('a restart of Redis may lose earlier writes, and no later write', () => {
  const { made, write, read, check } = history();
  write(0, 1, 'v1');
  made.losses.push({ start: 10, end: 20 });
  read(500, 0, undefined);
  assert.deepEqual(check().violations, []);
  write(530, 540, 'v2');
  read(700, 0, undefined);
  assert.equal(check().violations.length, 1);
});

test('a replica must not return an older value than a write that it has answered, not even in marked answers', () => {
  for (const [more, found] of [
    [{}, 1],
    [{ marked: true }, 1],
    [{ marked: true, replica: 1 }, 0],
    [{ marked: true, start: 19 }, 0],
    [{ marked: true, n: 2, version: 'v2' }, 0],
  ] as const) {
    for (const pending of [false, true]) {
      const { made, write, read } = history();
      write(0, 1, 'v1');
      const own = made.begin(PLAIN, 'write', 2, 0);
      Object.assign(own, pending ? { pendingFrom: 20, version: 'v2' } : { end: 20, version: 'v2' });
      read(30, 1, 'v1', more);
      const { violations } = made.check(BOUND_MS);
      assert.equal(violations.length, found, `${JSON.stringify(more)} ${violations}`);
      if (found > 0) assert.match(violations[0]!, /^the replica had answered the newer write #2 before/);
    }
  }
});
