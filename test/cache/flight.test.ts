import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Flight, Flights } from '../../src/cache/flight.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { settled } from '../support/gated-store.ts';
import { RecordedSpan } from '../support/recorded-span.ts';

/** Flights whose answers the test controls. */
function gated() {
  const counters = new Counters();
  const flights = new Flights<string>(counters);
  const started: (PromiseWithResolvers<string> & { key: string; flight: Flight })[] = [];
  const join = (key: string, readers = 1, fill = true) =>
    flights.join(key, readers, fill, (flight) => {
      const gate = Promise.withResolvers<string>();
      started.push({ ...gate, key, flight });
      return gate.promise.finally(() => flights.landed(key, flight));
    });
  return { flights, counters, started, join };
}

test('one flight answers all concurrent readers of a key', async () => {
  const { flights, counters, started, join } = gated();
  const answers = Array.from({ length: 100 }, () => join('k'));
  assert.equal(started.length, 1);
  assert.equal(started[0]!.flight.readers, 100);
  assert.equal(counters.joinedFlights, 99);
  started[0]!.resolve('v');
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(['v']));
  assert.equal(flights.size, 0);
});

test('a load without a reader counts no reader, and each reader that joins it counts', async () => {
  const { started, join } = gated();
  const answers = [join('k', 0), join('k'), join('k', 0), join('k')];
  assert.equal(started.length, 1);
  assert.equal(started[0]!.flight.readers, 2);
  started[0]!.resolve('v');
  await Promise.all(answers);
});

test('a flight fills L1 if at least one caller that joined it asks for that', async () => {
  const { started, join } = gated();
  const answers = [join('a', 0, false), join('b', 0, false), join('b', 1, true), join('b', 0, false)];
  assert.deepEqual(
    started.map(({ flight }) => flight.fill),
    [false, true],
  );
  for (const { resolve } of started) resolve('v');
  await Promise.all(answers);
});

test('each key has a separate flight', async () => {
  const { flights, counters, started, join } = gated();
  const answers = [join('a'), join('b'), join('constructor'), join('__proto__')];
  assert.equal(flights.size, 4);
  assert.equal(counters.joinedFlights, 0);
  for (const { resolve, key } of started) resolve(key);
  assert.deepEqual(await Promise.all(answers), ['a', 'b', 'constructor', '__proto__']);
});

test('a read after a flight has landed opens a new flight', async () => {
  const { started, join } = gated();
  const first = join('k');
  started[0]!.resolve('old');
  await first;
  const second = join('k');
  assert.equal(started.length, 2);
  started[1]!.resolve('new');
  assert.equal(await second, 'new');
});

test('a failed flight rejects all its readers, and the next read opens a new flight', async () => {
  const { flights, started, join } = gated();
  const answers = Array.from({ length: 10 }, () => join('k'));
  const failure = new Error('no');
  started[0]!.reject(failure);
  for (const outcome of await Promise.allSettled(answers))
    assert.deepEqual(outcome, { status: 'rejected', reason: failure });
  assert.equal(flights.size, 0);
  const again = join('k');
  started[1]!.resolve('v');
  assert.equal(await again, 'v');
});

test('a fenced flight answers its earlier readers, and a later read opens a new flight', async () => {
  const { flights, counters, started, join } = gated();
  const before = [join('k'), join('k')];
  flights.fence('k');
  const after = [join('k'), join('k')];
  assert.equal(started.length, 2);
  assert.equal(started[0]!.flight.fenced, true);
  assert.equal(started[1]!.flight.fenced, false);
  assert.equal(counters.fencedFlights, 1);
  started[1]!.resolve('new');
  assert.deepEqual(await Promise.all(after), ['new', 'new']);
  started[0]!.resolve('old');
  assert.deepEqual(await Promise.all(before), ['old', 'old']);
});

test('a fenced flight that lands late does not close the flight opened after it', async () => {
  const { flights, started, join } = gated();
  const before = join('k');
  flights.fence('k');
  const after = join('k');
  started[0]!.resolve('old');
  await before;
  await settled();
  assert.equal(flights.size, 1);
  const joined = join('k');
  assert.equal(started.length, 2);
  started[1]!.resolve('new');
  assert.deepEqual(await Promise.all([after, joined]), ['new', 'new']);
  assert.equal(flights.size, 0);
});

test('a fenced flight that fails late does not close the flight opened after it', async () => {
  const { flights, started, join } = gated();
  const before = join('k');
  flights.fence('k');
  const after = join('k');
  started[0]!.reject(new Error('no'));
  await assert.rejects(before);
  assert.equal(flights.size, 1);
  started[1]!.resolve('new');
  assert.equal(await after, 'new');
});

test('a fence of a key without a flight does nothing and counts nothing', () => {
  const { flights, counters, started, join } = gated();
  flights.fence('k');
  join('k');
  assert.equal(started[0]!.flight.fenced, false);
  flights.fence('other');
  assert.equal(started[0]!.flight.fenced, false);
  assert.equal(counters.fencedFlights, 0);
});

test('fenceWhere fences only the flights whose keys match', () => {
  const { flights, counters, started, join } = gated();
  for (const key of ['a1', 'b1', 'a2', 'b2']) join(key);
  flights.fenceWhere((key) => key.startsWith('a'));
  assert.deepEqual(
    started.map(({ key, flight }) => [key, flight.fenced]),
    [
      ['a1', true],
      ['b1', false],
      ['a2', true],
      ['b2', false],
    ],
  );
  assert.equal(counters.fencedFlights, 2);
  assert.equal(flights.size, 2);
});

test('the span of a traced read says that it joined a flight, and that a change fenced its flight', async () => {
  const { flights } = gated();
  const gate = Promise.withResolvers<string>();
  const spans = ['opener', 'joiner'].map((name) => new RecordedSpan(name));
  const seen: Flight[] = [];
  const start = (flight: Flight) => {
    seen.push(flight);
    return gate.promise;
  };
  for (const span of spans) void flights.join('k', 1, true, start, span);
  const [opener, joiner] = spans;
  assert.equal(seen.length, 1);
  assert.equal(seen[0]!.span, opener);
  assert.deepEqual(joiner!.links, [opener]);
  flights.fence('k');
  assert.deepEqual(opener!.attributes, { 'ratecache.flight.fenced': true });
  assert.deepEqual(joiner!.attributes, { 'ratecache.flight.joined': true });
  gate.resolve('v');
});
