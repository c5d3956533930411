import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LATENCY_BOUNDS_SECONDS } from '../../src/metrics/histogram.ts';
import {
  dateAndTime,
  duration,
  estimate,
  fromNow,
  percent,
  perSecond,
  visible,
  wholePercent,
} from '../../src/ui/format.ts';
import { parse, textOf } from '../../src/ui/json.ts';
import { matches } from '../../src/ui/match.ts';
import { hitRates, isolated, Model, spansOf } from '../../src/ui/model.ts';
import type { HistoryAnswer, Sample } from '../../src/ui/types.ts';

const NOW = 1_000_000;

function sample(number: number, more: Partial<Sample> = {}): Sample {
  return { number, at: number * 5000, seconds: 5, reads: {}, coherence: 'coherent', ...more } as Sample;
}

function answer(replica: string, ...samples: Sample[]): HistoryAnswer {
  return { replica, samples } as unknown as HistoryAnswer;
}

const numbers = (model: Model) => model.samples.map(({ number }) => number);

test('the model adds the samples that it does not have', () => {
  const model = new Model();
  model.add(answer('a', sample(1), sample(2)), NOW);
  assert.equal(model.after(NOW), 2);
  model.add(answer('a', sample(2), sample(3)), NOW);
  assert.deepEqual(numbers(model), [1, 2, 3]);
});

test('the model keeps 15 minutes', () => {
  const model = new Model();
  for (let i = 1; i <= 400; i++) model.add(answer('a', sample(i)), NOW);
  assert.equal(model.samples.length, 180);
  assert.equal(model.samples[0]!.number, 221);
});

test('samples of two processes are never mixed, and another process is shown only when the first one is silent', () => {
  const model = new Model();
  model.add(answer('a', sample(1)), NOW);
  model.add(answer('b', sample(70)), NOW + 5000);
  assert.deepEqual(numbers(model), [1]);
  model.add(answer('b', sample(71)), NOW + 30_000);
  assert.deepEqual(numbers(model), [70, 71]);
});

test('the page asks after a number that no process which may answer has passed', () => {
  const model = new Model();
  assert.equal(model.after(NOW), 0);
  model.add(answer('a', sample(1)), NOW);
  model.add(answer('b', sample(70)), NOW + 5000);
  assert.equal(model.after(NOW + 5000), 1);
  assert.equal(model.after(NOW + 65_000), 70, 'a has not answered for a minute');
  assert.equal(model.after(NOW + 66_000), 0);
  assert.ok(model.covers(answer('b'), 70));
  assert.ok(!model.covers(answer('a'), 70), 'samples 2 to 70 of a may be missing');
  assert.ok(!model.covers(answer('c'), 1), 'c is unknown');
  assert.ok(model.covers(answer('c'), 0));
});

test('a process that sends no new sample gives way to one that does, and without such a process the page says so', () => {
  const model = new Model();
  model.add(answer('a', sample(1)), NOW);
  model.add(answer('a'), NOW + 25_000);
  assert.deepEqual([numbers(model), model.isOld(NOW + 25_000)], [[1], false]);
  model.add(answer('a'), NOW + 31_000);
  assert.ok(model.isOld(NOW + 31_000));
  model.add(answer('b', sample(70)), NOW + 32_000);
  assert.deepEqual([numbers(model), model.isOld(NOW + 32_000)], [[70], false]);
  model.add(answer('b'), NOW + 60_000);
  model.add(answer('a'), NOW + 61_000);
  assert.deepEqual(numbers(model), [70], 'a has nothing newer');
});

test('the model forgets a process that has not answered for 15 minutes', () => {
  const model = new Model();
  model.add(answer('a', sample(1)), NOW);
  model.add(answer('b', sample(70)), NOW + 900_000);
  assert.ok(model.covers(answer('a'), 1));
  model.add(answer('b', sample(71)), NOW + 900_001);
  assert.ok(!model.covers(answer('a'), 1));
  assert.deepEqual(numbers(model), [70, 71]);
});

/** A process that has counted so many samples at the beginning, and stores 180 of them. */
function historyOf(replica: string, first: number) {
  return (after: number, elapsedMs: number): HistoryAnswer => {
    const last = first + Math.floor(elapsedMs / 5000);
    const kept = Array.from({ length: last }, (_, i) => i + 1).slice(-180);
    const added = kept.filter((number) => number > after);
    return answer(replica, ...added.map((number) => sample(number, { at: (number - first) * 5000 })));
  };
}

for (const order of ['alternately', 'at random'])
  test(`behind a load balancer that asks replicas of any age ${order}, the figures stay up to date`, () => {
    const replicas = [historyOf('old', 5000), historyOf('young', 3), historyOf('new', 0)];
    const model = new Model();
    let state = 1;
    let turn = 0;
    const next = () => {
      state = (state * 48_271) % 2_147_483_647;
      return (order === 'alternately' ? turn++ : state) % replicas.length;
    };
    for (let elapsed = 5000; elapsed < 3_600_000; elapsed += 5000) {
      const after = model.after(NOW + elapsed);
      const first = replicas[next()]!(after, elapsed);
      model.add(model.covers(first, after) ? first : replicas[next()]!(0, elapsed), NOW + elapsed);
      const age = elapsed - model.samples.at(-1)!.at;
      assert.ok(age <= 25_000, `${age} ms old after ${elapsed} ms`);
      const gaps = numbers(model).filter((number, i, all) => i > 0 && number !== all[i - 1]! + 1);
      assert.deepEqual(gaps, [], 'no sample is missing');
    }
  });

test('hit rates are those of both tiers, of L1, and of Redis for what L1 missed', () => {
  const reads = { borrow_rate: { l1: 6, redis: 2, misses: 2 }, volatility: { l1: 0, redis: 0, misses: 10 } };
  assert.deepEqual(hitRates(sample(1, { reads })), { all: 0.4, l1: 0.3, redis: 2 / 14 });
  assert.deepEqual(hitRates(sample(1, { reads }), 'borrow_rate'), { all: 0.8, l1: 0.6, redis: 0.5 });
  assert.deepEqual(hitRates(sample(1)), { all: null, l1: null, redis: null });
});

test('values without a neighbour are found', () => {
  assert.deepEqual(isolated([1, null, 2, 3, null, 0, null, undefined, 4]), [0, 5, 8]);
  assert.deepEqual(isolated([]), []);
});

test('equal states of consecutive samples are one span, and a gap ends it', () => {
  const samples = [
    sample(1),
    sample(2),
    sample(3, { coherence: 'blind' }),
    sample(9, { coherence: 'blind' }),
  ];
  assert.deepEqual(
    spansOf(samples, ({ coherence }) => coherence),
    [
      { state: 'coherent', from: 0, to: 10_000 },
      { state: 'blind', from: 10_000, to: 15_000 },
      { state: 'blind', from: 40_000, to: 45_000 },
    ],
  );
});

test('numbers keep the text that JavaScript would change', () => {
  const text = '{"a": 9007199254740993, "b": [1.0, -0, 1e400, 0.25], "c": {"__proto__": null}, "d": "x"}';
  assert.equal(textOf(parse(text)), text);
});

test('a long text is cut, and ends with an ellipsis', () => {
  assert.equal(textOf(parse('"abcdef"'), 4), '"ab…');
  assert.equal(textOf(parse('"ab"'), 4), '"ab"');
  assert.equal(textOf(parse('[1, {"a": [true]}]'), 12), '[1, {"a": […');
});

test('the beginning of a large value takes no more time than that of a small one', () => {
  const large = new Proxy(
    Array.from({ length: 1_000_000 }, (_, i) => i),
    {
      get: (target, name) => {
        assert.ok(!(Number(name) > 100), 'an item was read that is not shown');
        return Reflect.get(target, name);
      },
    },
  );
  assert.equal(textOf(large, 10), '[0, 1, 2,…');
});

test('the filter of the feed is a part of the text, or a glob of all of it', () => {
  assert.ok(matches('', 'borrow_rate:GME'));
  assert.ok(matches('gme', 'borrow_rate:GME'));
  assert.ok(matches('borrow_rate:*', 'borrow_rate:GME'));
  assert.ok(matches('*:G?E', 'borrow_rate:GME'));
  assert.ok(matches('*a*b', 'aabab'));
  assert.ok(!matches('gme*', 'borrow_rate:GME'));
  assert.ok(!matches('*:G?', 'borrow_rate:GME'));
});

test('figures have three digits and a unit', () => {
  assert.deepEqual([null, 0, 0.0123, 4.5678, 999.4, 61_234, 3_600_000].map(duration), [
    '–',
    '0 ms',
    '12.3 µs',
    '4.57 ms',
    '999 ms',
    '61.2 s',
    '60 min',
  ]);
  assert.deepEqual([null, 0, 0.5, 0.99987, 1].map(percent), [
    '–',
    '0.0\u00a0%',
    '50.0\u00a0%',
    '99.99\u00a0%',
    '100.0\u00a0%',
  ]);
  assert.deepEqual([0, 0.125, 1].map(wholePercent), ['0\u00a0%', '12.5\u00a0%', '100\u00a0%']);
  assert.deepEqual([0, 1.234, 12_345.6].map(perSecond), ['0/s', '1.2/s', '12,346/s']);
  assert.equal(fromNow('1970-01-01T00:00:10.000Z', 12_000), '2 s ago');
  assert.equal(fromNow('1970-01-01T00:00:10.000Z', 0), 'in 10 s');
});

test('a percentile is shown as an estimate, and above the last bucket as at least its limit', () => {
  assert.deepEqual([null, 0, 0.0123, 175].map(estimate), ['–', '≈ 0 ms', '≈ 12.3 µs', '≈ 175 ms']);
  assert.equal(estimate(LATENCY_BOUNDS_SECONDS.at(-1)! * 1000), '≥ 2.5 s');
  assert.equal(estimate(2499), '≈ 2.5 s');
});

test('characters that cannot be seen are escaped', () => {
  assert.equal(visible('a\u202Eb\nc'), 'a\\u{202e}b\\u{a}c');
});

test('a time of another day has its date', () => {
  const at = new Date(2026, 1, 3, 12, 0, 7);
  assert.equal(dateAndTime(at.toISOString(), at), '12:00:07');
  assert.equal(dateAndTime(at.toISOString(), new Date(2026, 1, 4)), '2026-02-03 12:00:07');
});
