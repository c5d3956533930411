import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Entry } from '../../../src/cache/entry.ts';
import { EVERYTHING, type Match, matcher } from '../../../src/cache/match.ts';
import {
  Journal,
  type JournalOptions,
  type Pending,
} from '../../../src/cache/pending-writes/pending-writes.ts';
import { moveStamp, VersionClock } from '../../../src/cache/version.ts';

const NOW = 1_700_000_000_000;
const ROOMY: JournalOptions = { maxEntries: 1000, maxBytes: 1_000_000 };
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
const keysOf = (journal: Journal) => [...journal.pending()].map(({ key }) => key);

/** The monotonic clock, which the test sets. */
function monotonicClock(t: TestContext) {
  const clock = { now: 1000 };
  t.mock.method(performance, 'now', () => clock.now);
  return clock;
}

test('of each key the last change is kept, and takes the place of the one before', () => {
  const journal = new Journal(ROOMY);
  const [first, last, other] = [set('a'), deletion('a'), set('b')];
  for (const pending of [first, last, other]) assert.equal(journal.put(pending), 'kept');
  assert.equal(journal.get('a'), last);
  assert.equal(journal.get('b'), other);
  assert.equal(journal.get('c'), undefined);
  assert.equal(journal.size, 2);
});

test('the changes come oldest first, and a key keeps its place', () => {
  const journal = new Journal(ROOMY);
  for (const key of ['a', 'b', 'c']) journal.put(set(key));
  journal.put(set('a'));
  assert.deepEqual(keysOf(journal), ['a', 'b', 'c']);
});

test('an older change never takes the place of a newer one, and one that is as new does', () => {
  const journal = new Journal(ROOMY);
  const [older, olderDeletion, newer] = [set('a', '1'), deletion('a'), set('a', '2')];
  assert.equal(journal.put(newer), 'kept');
  assert.equal(journal.put(older), 'superseded');
  assert.equal(journal.put(olderDeletion), 'superseded');
  assert.equal(journal.get('a'), newer);
  assert.equal(journal.bytes, newer.entry!.bytes);
  assert.equal(journal.put({ ...newer }), 'kept', 'the same change again');
});

test('a change that was replaced by one that did not come about is put back', () => {
  const journal = new Journal(ROOMY);
  const [earlier, replacement, later] = [set('a'), deletion('a'), set('a', '2')];
  journal.put(earlier);
  journal.put(replacement);
  journal.restore(replacement, earlier);
  assert.equal(journal.get('a'), earlier);
  assert.equal(journal.bytes, earlier.entry!.bytes);
  // A change that came after the replacement stays.
  journal.put(replacement);
  journal.put(later);
  journal.restore(replacement, earlier);
  assert.equal(journal.get('a'), later);
});

test('the changes of a clock that was stepped are moved along with it', () => {
  const journal = new Journal(ROOMY);
  const [one, gone, all] = [set('a'), deletion('b'), matching({ pattern: 'x*' })];
  journal.put(one);
  journal.put(gone);
  journal.putMatch(all);
  journal.move(-3_600_000);
  const moved = journal.get('a')!;
  assert.equal(moved.version, moveStamp(one.version, -3_600_000));
  assert.equal(moved.entry!.version, moved.version);
  assert.deepEqual(
    [moved.entry!.storedAt, moved.entry!.expiresAt],
    [NOW - 3_600_000, NOW - 3_600_000 + 60_000],
  );
  assert.equal(journal.get('b')!.version, moveStamp(gone.version, -3_600_000));
  assert.equal(journal.deletedAsOf('x1'), moveStamp(all.version, -3_600_000));
  assert.equal(journal.bytes, moved.entry!.bytes + 1 + 120);
});

test('a deletion by match takes the place of the deletions that it made of pending changes', () => {
  const journal = new Journal({ maxEntries: 2, maxBytes: 1_000_000 });
  for (const key of ['a1', 'a2']) journal.put(set(key));
  const all = matching({ pattern: 'a*' });
  for (const key of ['a1', 'a2']) journal.put({ key, version: all.version, entry: undefined });
  assert.equal(journal.putMatch(all), true);
  assert.deepEqual([keysOf(journal), journal.size, journal.bytes], [[], 1, 0]);
});

test('a deletion by match leaves newer changes of its keys', () => {
  const journal = new Journal(ROOMY);
  const older = set('a1');
  const all = matching({ pattern: 'a*' });
  const newer = set('a2');
  journal.put(older);
  journal.put(newer);
  journal.putMatch(all);
  assert.deepEqual(keysOf(journal), ['a2']);
});

test('it takes as many keys as it may and no more, but a known key always', () => {
  const journal = new Journal({ maxEntries: 2, maxBytes: 1_000_000 });
  assert.equal(journal.put(set('a')), 'kept');
  assert.equal(journal.put(set('b')), 'kept');
  assert.equal(journal.put(set('c')), 'full');
  const again = set('a', '2');
  assert.equal(journal.put(again), 'kept');
  assert.equal(journal.get('a'), again);
  assert.equal(journal.get('c'), undefined);
  assert.equal(journal.size, 2);
});

test('it takes as many bytes as it may, and what finds no room leaves the earlier change as it was', () => {
  const [small, large] = [set('a', '1'), set('a', `"${'x'.repeat(500)}"`)];
  const journal = new Journal({ maxEntries: 10, maxBytes: small.entry!.bytes });
  assert.equal(journal.put(small), 'kept');
  assert.equal(journal.bytes, small.entry!.bytes);
  assert.equal(journal.put(large), 'full');
  assert.equal(journal.put(set('b')), 'full');
  assert.equal(journal.get('a'), small);
  // A deletion costs less than the value whose place it takes.
  assert.equal(journal.put(deletion('a')), 'kept');
  assert.ok(journal.bytes > 0 && journal.bytes < small.entry!.bytes);
});

test('done forgets a change that was replayed, and leaves one that came meanwhile', () => {
  const journal = new Journal(ROOMY);
  const [replayed, meanwhile] = [set('a'), set('a', '2')];
  journal.put(replayed);
  journal.put(meanwhile);
  journal.done(replayed);
  assert.equal(journal.get('a'), meanwhile);
  assert.equal(journal.bytes, meanwhile.entry!.bytes);
  journal.done(meanwhile);
  journal.done(meanwhile);
  assert.deepEqual([journal.size, journal.bytes], [0, 0]);
});

test('a deletion of all that matches takes the place of what is kept of those keys, and of no others', () => {
  const journal = new Journal(ROOMY);
  for (const key of ['volatility:A', 'volatility:B', 'min_rate:A']) journal.put(set(key));
  const all = matching({ type: 1 });
  assert.equal(journal.putMatch(all), true);
  assert.deepEqual(keysOf(journal), ['min_rate:A']);
  assert.equal(journal.size, 2);
  assert.equal(journal.matches()[0], all);
  assert.equal(journal.deletedAsOf('volatility:C'), all.version);
  assert.equal(journal.deletedAsOf('min_rate:A'), undefined);
});

test('a change that comes after a deletion of its key with others is kept beside it', () => {
  const journal = new Journal(ROOMY);
  const all = matching({ pattern: 'a*' });
  journal.putMatch(all);
  const later = set('a1');
  journal.put(later);
  assert.equal(journal.get('a1'), later);
  assert.ok(later.version > journal.deletedAsOf('a1')!);
});

test('a change that is older than a pending deletion of its key with others is not kept', () => {
  const journal = new Journal(ROOMY);
  const earlier = set('a1');
  const other = set('b1');
  journal.putMatch(matching({ pattern: 'a*' }));
  assert.equal(journal.put(earlier), 'superseded');
  assert.equal(journal.put(other), 'kept');
  assert.deepEqual(keysOf(journal), ['b1']);
});

test('of several deletions that match a key the latest counts', () => {
  const journal = new Journal(ROOMY);
  const [one, two] = [matching({ pattern: 'a*' }), matching({ pattern: '*b' })];
  journal.putMatch(two);
  journal.putMatch(one);
  assert.equal(journal.deletedAsOf('ab'), two.version);
  assert.equal(journal.deletedAsOf('ac'), one.version);
  assert.equal(journal.matches()[0], two);
  journal.matchDone(two);
  assert.equal(journal.deletedAsOf('ab'), one.version);
  assert.equal(journal.matches()[0], one);
  journal.matchDone(one);
  assert.equal(journal.matches()[0], undefined);
  assert.equal(journal.size, 0);
});

test('a deletion that repeats one, or is of everything, takes its place and not more room', () => {
  const journal = new Journal({ maxEntries: 3, maxBytes: 1_000_000 });
  for (let i = 0; i < 10; i++) {
    assert.equal(journal.putMatch(matching({ type: 0 })), true);
    assert.equal(journal.putMatch(matching({ pattern: 'x*' })), true);
  }
  assert.equal(journal.size, 2);
  const last = matching({ type: 0 });
  journal.putMatch(last);
  assert.equal(journal.deletedAsOf('borrow_rate:A'), last.version);
  journal.put(set('y'));
  assert.equal(journal.putMatch(matching({ type: 1 })), false, 'full');
  const everything = matching(EVERYTHING);
  assert.equal(journal.putMatch(everything), true, 'it makes its own room');
  assert.equal(journal.size, 1);
  assert.equal(journal.deletedAsOf('anything'), everything.version);
});

test('a deletion by match does not take the place of a later one that covers it', () => {
  const journal = new Journal(ROOMY);
  const some = matching({ pattern: 'a*' });
  const all = matching(EVERYTHING);
  const later = matching(EVERYTHING);
  journal.putMatch(later);
  assert.equal(journal.putMatch(all), true);
  assert.equal(journal.putMatch(some), true);
  assert.deepEqual(journal.matches(), [later]);
  assert.equal(journal.deletedAsOf('a'), later.version);
});

test('an earlier deletion by match of more keys is kept beside a later one of fewer', () => {
  const journal = new Journal(ROOMY);
  const earlier = matching({ pattern: '*' });
  const later = matching({ pattern: 'a*' });
  journal.putMatch(later);
  journal.putMatch(earlier);
  assert.equal(journal.size, 2);
  assert.equal(journal.deletedAsOf('a'), later.version);
  assert.equal(journal.deletedAsOf('b'), earlier.version);
});

test('a deletion by match that comes while an equal one is being made is not done with it', () => {
  const journal = new Journal(ROOMY);
  const [underWay, meanwhile] = [matching({ type: 0 }), matching({ type: 0 })];
  journal.putMatch(underWay);
  journal.putMatch(meanwhile);
  journal.matchDone(underWay);
  assert.equal(journal.matches()[0], meanwhile);
});

test('a deletion takes the place of an older change, is as old as it was, and gives way to it again', (t) => {
  const clock = monotonicClock(t);
  const journal = new Journal(ROOMY);
  const [first, other] = [set('a'), set('b')];
  for (const pending of [first, other]) {
    journal.put(pending);
    clock.now++;
  }
  const replacement = deletion('a');
  assert.equal(journal.put(replacement), 'kept');
  assert.deepEqual(keysOf(journal), ['a', 'b']);
  assert.equal(journal.oldestAgeMs, 2);
  journal.restore(replacement, first);
  assert.equal(journal.get('a'), first);
  assert.equal(journal.bytes, first.entry!.bytes + other.entry!.bytes);
  // A later change is not undone.
  const later = set('a');
  journal.put(later);
  journal.restore(replacement, first);
  assert.equal(journal.get('a'), later);
});

test('the age is that of the first change that came, single keys and deletions by match alike', (t) => {
  const clock = monotonicClock(t);
  const journal = new Journal(ROOMY);
  assert.equal(journal.oldestAgeMs, undefined);
  const all = matching({ pattern: 'x*' });
  journal.putMatch(all);
  clock.now += 10;
  journal.put(set('a'));
  clock.now += 10;
  journal.put(set('b'));
  assert.equal(journal.oldestAgeMs, 20);
  journal.matchDone(all);
  assert.equal(journal.oldestAgeMs, 10);
  // The key has waited since its first change.
  const again = set('a');
  journal.put(again);
  assert.equal(journal.oldestAgeMs, 10);
  journal.done(again);
  assert.equal(journal.oldestAgeMs, 0);
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

/** The journal again, as simple as can be: a list of single changes, and one of deletions by match. */
class Model {
  changes: Pending[] = [];
  matches: { match: { pattern: string }; version: string }[] = [];
  readonly #options: JournalOptions;

  constructor(options: JournalOptions) {
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

test('whatever is done to it, it holds what a naive model holds, within its bounds', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.record({ maxEntries: fc.integer({ min: 1, max: 6 }), maxBytes: fc.integer({ min: 0, max: 2000 }) }),
      (steps, options) => {
        const journal = new Journal(options);
        const model = new Model(options);
        for (const step of steps) {
          apply(step, journal, model);
          assert.deepEqual([...journal.pending()], model.changes);
          assert.equal(journal.bytes, model.bytes);
          assert.equal(journal.size, model.changes.length + model.matches.length);
          assert.ok(journal.size <= options.maxEntries && journal.bytes <= options.maxBytes);
          assert.equal(journal.matches()[0], model.matches[0]);
          for (const each of ['a', 'ab', 'b', 'ba', 'constructor', '__proto__', 'none']) {
            assert.equal(
              journal.get(each),
              model.changes.find(({ key }) => key === each),
            );
            const asOf = model.matches.findLast(({ match }) => matcher(match)(each))?.version;
            assert.equal(journal.deletedAsOf(each), asOf);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

function apply(step: Step, journal: Journal, model: Model): void {
  switch (step.do) {
    case 'set':
    case 'delete': {
      const pending = step.do === 'set' ? set(step.key, '1'.repeat(step.length)) : deletion(step.key);
      assert.equal(journal.put(pending), model.put(pending) ? 'kept' : 'full');
      return;
    }
    case 'done': {
      const pending = journal.get(step.key);
      if (pending !== undefined) journal.done(pending);
      model.changes = model.changes.filter(({ key }) => key !== step.key);
      return;
    }
    case 'stale':
      // A replay that ends after its key has changed again.
      return journal.done(set(step.key));
    case 'match': {
      const match = step.pattern === '*' ? EVERYTHING : { pattern: step.pattern };
      const pending = { match: match as { pattern: string }, version: versions.next() };
      assert.equal(journal.putMatch(pending), model.putMatch(pending));
      return;
    }
    case 'matchDone': {
      const done = journal.matches()[0];
      if (done !== undefined) journal.matchDone(done);
      model.matches = model.matches.slice(1);
    }
  }
}

test('announced deletions beyond a thousand take no further room, and the newest hold changes back', () => {
  const journal = new Journal(ROOMY);
  const pending = set('a');
  journal.put(pending);
  for (let i = 0; i < 1001; i++) journal.hold((key) => key === 'b', versions.next());
  assert.equal(journal.held(pending), false);
  const newest = versions.next();
  journal.hold((key) => key === 'a', newest);
  assert.equal(journal.held(pending), true);
  journal.release(newest);
  assert.equal(journal.held(pending), false);
});
