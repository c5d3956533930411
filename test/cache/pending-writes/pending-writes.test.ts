import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Entry } from '../../../src/cache/entry.ts';
import { EVERYTHING, type Match, matcher } from '../../../src/cache/match.ts';
import { originOf } from '../../../src/cache/origin.ts';
import {
  type Pending,
  PendingWrites,
  type PendingWritesOptions,
} from '../../../src/cache/pending-writes/pending-writes.ts';
import { moveStamp, VersionClock } from '../../../src/cache/version.ts';

const NOW = 1_700_000_000_000;
const ROOMY: PendingWritesOptions = { maxEntries: 1000, maxBytes: 1_000_000 };
const versions = new VersionClock('0000000a', () => NOW);

const set = (key: string, body = '1'): Pending => {
  const version = versions.next();
  return {
    key,
    version,
    entry: new Entry(key, { encoding: 'json', body }, version, NOW, NOW + 60_000),
  };
};
const deletion = (key: string): Pending => ({ key, version: versions.next(), entry: undefined });
const matching = (match: Match) => ({ match, version: versions.next() });
const keysOf = (pendingWrites: PendingWrites) => [...pendingWrites.pending()].map(({ key }) => key);

/** A monotonic clock that the test sets. */
function monotonicClock(t: TestContext) {
  const clock = { now: 1000 };
  t.mock.method(performance, 'now', () => clock.now);
  return clock;
}

test('a later change of a key replaces the earlier change', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [first, last, other] = [set('a'), deletion('a'), set('b')];
  for (const pending of [first, last, other]) assert.equal(pendingWrites.put(pending), 'kept');
  assert.equal(pendingWrites.get('a'), last);
  assert.equal(pendingWrites.get('b'), other);
  assert.equal(pendingWrites.get('c'), undefined);
  assert.equal(pendingWrites.size, 2);
});

test('changes are listed oldest first, and a replaced change keeps its place', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  for (const key of ['a', 'b', 'c']) pendingWrites.put(set(key));
  pendingWrites.put(set('a'));
  assert.deepEqual(keysOf(pendingWrites), ['a', 'b', 'c']);
});

test('an older change never replaces a newer change, and an equal version does', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [older, olderDeletion, newer] = [set('a', '1'), deletion('a'), set('a', '2')];
  assert.equal(pendingWrites.put(newer), 'kept');
  assert.equal(pendingWrites.put(older), 'superseded');
  assert.equal(pendingWrites.put(olderDeletion), 'superseded');
  assert.equal(pendingWrites.get('a'), newer);
  assert.equal(pendingWrites.bytes, newer.entry!.bytes);
  assert.equal(pendingWrites.put({ ...newer }), 'kept', 'the same version again');
});

test('a change that must not replace newer data does not replace a pending change with newer data', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const from = (asOf: number, unlessNewer?: number): Pending => {
    const version = versions.next();
    const value = { encoding: 'json', body: '1' } as const;
    const entry = new Entry('a', value, version, NOW, NOW + 60_000, originOf(asOf, undefined));
    return { key: 'a', version, entry, unlessNewer };
  };
  assert.equal(pendingWrites.put(from(2000)), 'kept');
  assert.equal(pendingWrites.put(from(1000, 1000)), 'superseded');
  assert.equal(pendingWrites.put(from(2000, 2000)), 'kept');
  pendingWrites.move(-1000);
  assert.deepEqual(pendingWrites.get('a')!.entry!.origin, { asOf: 2000, source: undefined });
  assert.equal(pendingWrites.put(from(1000)), 'kept', 'without the condition, the later write counts');
});

test('a replaced change is restored when the change that replaced it fails', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [earlier, replacement, later] = [set('a'), deletion('a'), set('a', '2')];
  pendingWrites.put(earlier);
  pendingWrites.put(replacement);
  pendingWrites.restore(replacement, earlier);
  assert.equal(pendingWrites.get('a'), earlier);
  assert.equal(pendingWrites.bytes, earlier.entry!.bytes);
  // A change that is newer than the replacement stays.
  pendingWrites.put(replacement);
  pendingWrites.put(later);
  pendingWrites.restore(replacement, earlier);
  assert.equal(pendingWrites.get('a'), later);
});

test('a clock step moves the stamps and deadlines of pending changes', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [one, gone, all] = [set('a'), deletion('b'), matching({ pattern: 'x*' })];
  pendingWrites.put(one);
  pendingWrites.put(gone);
  pendingWrites.putMatch(all);
  pendingWrites.move(-3_600_000);
  const moved = pendingWrites.get('a')!;
  assert.equal(moved.version, moveStamp(one.version, -3_600_000));
  assert.equal(moved.entry!.version, moved.version);
  assert.deepEqual(
    [moved.entry!.storedAt, moved.entry!.expiresAt],
    [NOW - 3_600_000, NOW - 3_600_000 + 60_000],
  );
  assert.equal(pendingWrites.get('b')!.version, moveStamp(gone.version, -3_600_000));
  assert.equal(pendingWrites.deletedAsOf('x1'), moveStamp(all.version, -3_600_000));
  assert.equal(pendingWrites.bytes, moved.entry!.bytes + 1 + 120);
});

test('a raised version is that of the replay, and the entry keeps its own version, also after a clock step', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const one = set('a');
  const greater = moveStamp(one.version, 5);
  pendingWrites.put(one);
  pendingWrites.raise(one, greater);
  const raised = pendingWrites.get('a')!;
  assert.deepEqual([raised.version, raised.entry], [greater, one.entry]);
  pendingWrites.move(1000);
  const moved = pendingWrites.get('a')!;
  assert.deepEqual(
    [moved.version, moved.entry!.version],
    [moveStamp(greater, 1000), moveStamp(one.entry!.version, 1000)],
  );
});

test('a deletion by match replaces the single deletions that it caused', () => {
  const pendingWrites = new PendingWrites({ maxEntries: 2, maxBytes: 1_000_000 });
  for (const key of ['a1', 'a2']) pendingWrites.put(set(key));
  const all = matching({ pattern: 'a*' });
  for (const key of ['a1', 'a2']) pendingWrites.put({ key, version: all.version, entry: undefined });
  assert.equal(pendingWrites.putMatch(all), true);
  assert.deepEqual([keysOf(pendingWrites), pendingWrites.size, pendingWrites.bytes], [[], 1, 0]);
});

test('a deletion by match does not remove newer changes of its keys', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const older = set('a1');
  const all = matching({ pattern: 'a*' });
  const newer = set('a2');
  pendingWrites.put(older);
  pendingWrites.put(newer);
  pendingWrites.putMatch(all);
  assert.deepEqual(keysOf(pendingWrites), ['a2']);
});

test('a new key beyond maxEntries is refused, and a change of a pending key is accepted', () => {
  const pendingWrites = new PendingWrites({ maxEntries: 2, maxBytes: 1_000_000 });
  assert.equal(pendingWrites.put(set('a')), 'kept');
  assert.equal(pendingWrites.put(set('b')), 'kept');
  assert.equal(pendingWrites.put(set('c')), 'full');
  const again = set('a', '2');
  assert.equal(pendingWrites.put(again), 'kept');
  assert.equal(pendingWrites.get('a'), again);
  assert.equal(pendingWrites.get('c'), undefined);
  assert.equal(pendingWrites.size, 2);
});

test('a change beyond maxBytes is refused, and leaves the earlier change of its key in place', () => {
  const [small, large] = [set('a', '1'), set('a', `"${'x'.repeat(500)}"`)];
  const pendingWrites = new PendingWrites({ maxEntries: 10, maxBytes: small.entry!.bytes });
  assert.equal(pendingWrites.put(small), 'kept');
  assert.equal(pendingWrites.bytes, small.entry!.bytes);
  assert.equal(pendingWrites.put(large), 'full');
  assert.equal(pendingWrites.put(set('b')), 'full');
  assert.equal(pendingWrites.get('a'), small);
  // A deletion uses fewer bytes than the value that it replaces.
  assert.equal(pendingWrites.put(deletion('a')), 'kept');
  assert.ok(pendingWrites.bytes > 0 && pendingWrites.bytes < small.entry!.bytes);
});

test('done removes a replayed change, and leaves a newer change of the same key', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [replayed, meanwhile] = [set('a'), set('a', '2')];
  pendingWrites.put(replayed);
  pendingWrites.put(meanwhile);
  pendingWrites.done(replayed);
  assert.equal(pendingWrites.get('a'), meanwhile);
  assert.equal(pendingWrites.bytes, meanwhile.entry!.bytes);
  pendingWrites.done(meanwhile);
  pendingWrites.done(meanwhile);
  assert.deepEqual([pendingWrites.size, pendingWrites.bytes], [0, 0]);
});

test('a deletion by match replaces the older changes of its keys, and leaves other keys', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  for (const key of ['volatility:A', 'volatility:B', 'min_rate:A']) pendingWrites.put(set(key));
  const all = matching({ type: 1 });
  assert.equal(pendingWrites.putMatch(all), true);
  assert.deepEqual(keysOf(pendingWrites), ['min_rate:A']);
  assert.equal(pendingWrites.size, 2);
  assert.equal(pendingWrites.matches()[0], all);
  assert.equal(pendingWrites.deletedAsOf('volatility:C'), all.version);
  assert.equal(pendingWrites.deletedAsOf('min_rate:A'), undefined);
});

test('a change that is newer than a pending deletion by match is pending in addition to it', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const all = matching({ pattern: 'a*' });
  pendingWrites.putMatch(all);
  const later = set('a1');
  pendingWrites.put(later);
  assert.equal(pendingWrites.get('a1'), later);
  assert.ok(later.version > pendingWrites.deletedAsOf('a1')!);
});

test('a change that is older than a pending deletion by match is superseded', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const earlier = set('a1');
  const other = set('b1');
  pendingWrites.putMatch(matching({ pattern: 'a*' }));
  assert.equal(pendingWrites.put(earlier), 'superseded');
  assert.equal(pendingWrites.put(other), 'kept');
  assert.deepEqual(keysOf(pendingWrites), ['b1']);
});

test('deletedAsOf returns the version of the latest deletion that matches the key', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [one, two] = [matching({ pattern: 'a*' }), matching({ pattern: '*b' })];
  pendingWrites.putMatch(two);
  pendingWrites.putMatch(one);
  assert.equal(pendingWrites.deletedAsOf('ab'), two.version);
  assert.equal(pendingWrites.deletedAsOf('ac'), one.version);
  assert.equal(pendingWrites.matches()[0], two);
  pendingWrites.matchDone(two);
  assert.equal(pendingWrites.deletedAsOf('ab'), one.version);
  assert.equal(pendingWrites.matches()[0], one);
  pendingWrites.matchDone(one);
  assert.equal(pendingWrites.matches()[0], undefined);
  assert.equal(pendingWrites.size, 0);
});

test('a repeated deletion by match and a deletion of everything replace earlier deletions, and need no further room', () => {
  const pendingWrites = new PendingWrites({ maxEntries: 3, maxBytes: 1_000_000 });
  for (let i = 0; i < 10; i++) {
    assert.equal(pendingWrites.putMatch(matching({ type: 0 })), true);
    assert.equal(pendingWrites.putMatch(matching({ pattern: 'x*' })), true);
  }
  assert.equal(pendingWrites.size, 2);
  const last = matching({ type: 0 });
  pendingWrites.putMatch(last);
  assert.equal(pendingWrites.deletedAsOf('borrow_rate:A'), last.version);
  pendingWrites.put(set('y'));
  assert.equal(pendingWrites.putMatch(matching({ type: 1 })), false, 'full');
  const everything = matching(EVERYTHING);
  assert.equal(pendingWrites.putMatch(everything), true, 'a deletion of everything frees its own room');
  assert.equal(pendingWrites.size, 1);
  assert.equal(pendingWrites.deletedAsOf('anything'), everything.version);
});

test('a deletion by match does not replace a later deletion that covers it', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const some = matching({ pattern: 'a*' });
  const all = matching(EVERYTHING);
  const later = matching(EVERYTHING);
  pendingWrites.putMatch(later);
  assert.equal(pendingWrites.putMatch(all), true);
  assert.equal(pendingWrites.putMatch(some), true);
  assert.deepEqual(pendingWrites.matches(), [later]);
  assert.equal(pendingWrites.deletedAsOf('a'), later.version);
});

test('an earlier deletion of more keys and a later deletion of fewer keys are both pending', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const earlier = matching({ pattern: '*' });
  const later = matching({ pattern: 'a*' });
  pendingWrites.putMatch(later);
  pendingWrites.putMatch(earlier);
  assert.equal(pendingWrites.size, 2);
  assert.equal(pendingWrites.deletedAsOf('a'), later.version);
  assert.equal(pendingWrites.deletedAsOf('b'), earlier.version);
});

test('matchDone of an earlier deletion by match leaves an equal deletion that was added later', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const [underWay, meanwhile] = [matching({ type: 0 }), matching({ type: 0 })];
  pendingWrites.putMatch(underWay);
  pendingWrites.putMatch(meanwhile);
  pendingWrites.matchDone(underWay);
  assert.equal(pendingWrites.matches()[0], meanwhile);
});

test('a deletion replaces an older change, has the age of that change, and can be undone by restore', (t) => {
  const clock = monotonicClock(t);
  const pendingWrites = new PendingWrites(ROOMY);
  const [first, other] = [set('a'), set('b')];
  for (const pending of [first, other]) {
    pendingWrites.put(pending);
    clock.now++;
  }
  const replacement = deletion('a');
  assert.equal(pendingWrites.put(replacement), 'kept');
  assert.deepEqual(keysOf(pendingWrites), ['a', 'b']);
  assert.equal(pendingWrites.oldestAgeMs, 2);
  pendingWrites.restore(replacement, first);
  assert.equal(pendingWrites.get('a'), first);
  assert.equal(pendingWrites.bytes, first.entry!.bytes + other.entry!.bytes);
  // restore does not undo a later change.
  const later = set('a');
  pendingWrites.put(later);
  pendingWrites.restore(replacement, first);
  assert.equal(pendingWrites.get('a'), later);
});

test('oldestAgeMs is the age of the first change, counting single keys and deletions by match', (t) => {
  const clock = monotonicClock(t);
  const pendingWrites = new PendingWrites(ROOMY);
  assert.equal(pendingWrites.oldestAgeMs, undefined);
  const all = matching({ pattern: 'x*' });
  pendingWrites.putMatch(all);
  clock.now += 10;
  pendingWrites.put(set('a'));
  clock.now += 10;
  pendingWrites.put(set('b'));
  assert.equal(pendingWrites.oldestAgeMs, 20);
  pendingWrites.matchDone(all);
  assert.equal(pendingWrites.oldestAgeMs, 10);
  // The age of a key starts at its first change.
  const again = set('a');
  pendingWrites.put(again);
  assert.equal(pendingWrites.oldestAgeMs, 10);
  pendingWrites.done(again);
  assert.equal(pendingWrites.oldestAgeMs, 0);
});

type Step =
  | { readonly do: 'set' | 'delete' | 'done' | 'stale'; readonly key: string; readonly length: number }
  | { readonly do: 'match' | 'matchDone'; readonly pattern: string };

const key = fc.constantFrom('a', 'ab', 'b', 'ba', 'constructor', '__proto__');
const pattern = fc.constantFrom('*', 'a*', '*a', 'b', '__*');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('set', 'delete', 'done', 'stale'),
    key,
    length: fc.nat(300),
  }),
  fc.record({ do: fc.constantFrom('match', 'matchDone'), pattern }),
);

/** A simple model of the pending writes: a list of single changes, and a list of deletions by match. */
class Model {
  changes: Pending[] = [];
  matches: { match: { pattern: string }; version: string }[] = [];
  readonly #options: PendingWritesOptions;

  constructor(options: PendingWritesOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.changes.reduce((sum, { key, entry }) => sum + (entry?.bytes ?? key.length + 120), 0);
  }

  put(pending: Pending): boolean {
    const at = this.changes.findIndex(({ key }) => key === pending.key);
    const before = this.changes;
    this.changes = at < 0 ? [...before, pending] : before.with(at, pending);
    const grown = at < 0 && before.length + this.matches.length >= this.#options.maxEntries;
    if (!grown && this.bytes <= this.#options.maxBytes) return true;
    this.changes = before;
    return false;
  }

  putMatch(pending: { match: { pattern: string }; version: string }): boolean {
    const changes = this.changes.filter(({ key }) => !matcher(pending.match)(key));
    const matches = this.matches.filter(
      ({ match: { pattern } }) => pending.match !== EVERYTHING && pattern !== pending.match.pattern,
    );
    if (changes.length + matches.length >= this.#options.maxEntries) return false;
    this.changes = changes;
    this.matches = [...matches, pending];
    return true;
  }
}

test('any sequence of operations leaves the same changes as in a simple model, within the bounds', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.record({ maxEntries: fc.integer({ min: 1, max: 6 }), maxBytes: fc.integer({ min: 0, max: 2000 }) }),
      (steps, options) => {
        const pendingWrites = new PendingWrites(options);
        const model = new Model(options);
        for (const step of steps) {
          apply(step, pendingWrites, model);
          assert.deepEqual([...pendingWrites.pending()], model.changes);
          assert.equal(pendingWrites.bytes, model.bytes);
          assert.equal(pendingWrites.size, model.changes.length + model.matches.length);
          assert.ok(pendingWrites.size <= options.maxEntries && pendingWrites.bytes <= options.maxBytes);
          assert.equal(pendingWrites.matches()[0], model.matches[0]);
          for (const each of ['a', 'ab', 'b', 'ba', 'constructor', '__proto__', 'none']) {
            assert.equal(
              pendingWrites.get(each),
              model.changes.find(({ key }) => key === each),
            );
            const asOf = model.matches.findLast(({ match }) => matcher(match)(each))?.version;
            assert.equal(pendingWrites.deletedAsOf(each), asOf);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

function apply(step: Step, pendingWrites: PendingWrites, model: Model): void {
  switch (step.do) {
    case 'set':
    case 'delete': {
      const pending = step.do === 'set' ? set(step.key, '1'.repeat(step.length)) : deletion(step.key);
      assert.equal(pendingWrites.put(pending), model.put(pending) ? 'kept' : 'full');
      return;
    }
    case 'done': {
      const pending = pendingWrites.get(step.key);
      if (pending !== undefined) pendingWrites.done(pending);
      model.changes = model.changes.filter(({ key }) => key !== step.key);
      return;
    }
    case 'stale':
      // A replay of a stale change ends after a newer change of its key.
      return pendingWrites.done(set(step.key));
    case 'match': {
      const match = step.pattern === '*' ? EVERYTHING : { pattern: step.pattern };
      const pending = { match: match as { pattern: string }, version: versions.next() };
      assert.equal(pendingWrites.putMatch(pending), model.putMatch(pending));
      return;
    }
    case 'matchDone': {
      const done = pendingWrites.matches()[0];
      if (done !== undefined) pendingWrites.matchDone(done);
      model.matches = model.matches.slice(1);
    }
  }
}

test('at most 1000 announced deletions are remembered, and the newest deletions hold changes back', () => {
  const pendingWrites = new PendingWrites(ROOMY);
  const pending = set('a');
  pendingWrites.put(pending);
  for (let i = 0; i < 1001; i++) pendingWrites.hold((key) => key === 'b', versions.next());
  assert.equal(pendingWrites.isHeldBack(pending), false);
  const newest = versions.next();
  pendingWrites.hold((key) => key === 'a', newest);
  assert.equal(pendingWrites.isHeldBack(pending), true);
  pendingWrites.release(newest);
  assert.equal(pendingWrites.isHeldBack(pending), false);
});

// ---- shares

test('a client that has used its share is refused, and other clients and the service still have room', () => {
  const pendingWrites = new PendingWrites({ maxEntries: 10, maxBytes: 1_000_000, maxClientPercent: 50 });
  const of = (client: string | undefined, key: string) => pendingWrites.put({ ...set(key), client });
  for (let i = 0; i < 5; i++) assert.equal(of('loud', `loud:${i}`), 'kept');
  assert.equal(of('loud', 'loud:5'), 'share-full');
  assert.equal(of('loud', 'loud:0'), 'kept', 'a newer change of a key of its own');
  assert.equal(of('quiet', 'loud:0'), 'kept', 'the key counts for its last client');
  assert.equal(of('loud', 'loud:5'), 'kept');
  for (const key of ['a', 'b', 'c']) assert.equal(of('quiet', key), 'kept');
  assert.equal(of(undefined, 'd'), 'kept');
  assert.equal(of('third', 'e'), 'full');
});

test('a client that has used its share of bytes is refused', () => {
  const value = `"${'x'.repeat(500)}"`;
  const { bytes } = set('a:0', value).entry!;
  const pendingWrites = new PendingWrites({ maxEntries: 100, maxBytes: 10 * bytes, maxClientPercent: 30 });
  const put = (client: string, key: string, body = value) => pendingWrites.put({ ...set(key, body), client });
  for (let i = 0; i < 3; i++) assert.equal(put('loud', `a:${i}`), 'kept');
  assert.equal(put('loud', 'a:3'), 'share-full');
  assert.equal(put('quiet', 'b:0'), 'kept');
  const done = pendingWrites.get('a:0')!;
  pendingWrites.done(done);
  assert.equal(put('loud', 'a:3'), 'kept', 'a replayed change returns its share');
});

test('values leave room for deletions, and a flush has room although every limit is reached', () => {
  const pendingWrites = new PendingWrites({
    maxEntries: 20,
    maxBytes: 1_000_000,
    reservedPercent: 10,
    spareMatches: 1,
  });
  for (let i = 0; i < 18; i++) assert.equal(pendingWrites.put(set(`a:${i}`)), 'kept');
  assert.equal(pendingWrites.put(set('a:18')), 'full');
  assert.equal(pendingWrites.put(deletion('b:0')), 'kept');
  assert.equal(pendingWrites.put(deletion('b:1')), 'kept');
  assert.equal(pendingWrites.put(deletion('b:2')), 'full');
  assert.equal(pendingWrites.putMatch(matching({ pattern: 'c*' })), true);
  assert.equal(pendingWrites.putMatch(matching({ pattern: 'd*' })), false);
  assert.equal(pendingWrites.putMatch(matching(EVERYTHING)), true);
  assert.equal(pendingWrites.size, 1);
});

test('whatever happens to the changes of a client, its share is free when none of them is pending', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.constantFrom('x', 'y', undefined)), { maxLength: 60 }),
      (steps) => {
        const pendingWrites = new PendingWrites({ maxEntries: 6, maxBytes: 4000, maxClientPercent: 50 });
        for (const [{ do: what, ...more }, client] of steps) {
          if (what === 'set' && 'key' in more)
            pendingWrites.put({ ...set(more.key, '1'.repeat(more.length)), client });
          else if (what === 'delete' && 'key' in more) pendingWrites.put({ ...deletion(more.key), client });
          else if (what === 'done' && 'key' in more) {
            const pending = pendingWrites.get(more.key);
            if (pending !== undefined) pendingWrites.done(pending);
          } else if (what === 'match' && 'pattern' in more)
            pendingWrites.putMatch(matching({ pattern: more.pattern }));
        }
        for (const pending of [...pendingWrites.pending()]) pendingWrites.done(pending);
        for (const pending of pendingWrites.matches()) pendingWrites.matchDone(pending);
        for (const client of ['x', 'y'])
          for (let i = 0; i < 3; i++)
            assert.equal(pendingWrites.put({ ...set(`${client}:${i}`), client }), 'kept');
      },
    ),
    { numRuns: 300 },
  );
});
