import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fuzzer } from './fuzz.ts';
import { randomOf, Values } from './grammar/values.ts';
import type { Kind, LiveKind, Source } from './kind.ts';
import { KINDS } from './kinds.ts';
import { checkAnswers } from './live/answers.ts';

const fuzzer = new Fuzzer();
after(() => fuzzer.close());

const RANGE = { seed: 5, from: 10, count: 8 };

function kind(send: LiveKind['send']): LiveKind {
  return { name: 'fake', decodes: false, send, show: ({ index }) => `input ${index}` };
}

const hasInput = (batch: readonly Source[], index: number) => batch.some((each) => each.index === index);

test('a fault that one input causes is reported with the input and how to replay it', async () => {
  const report = await fuzzer.run(
    kind(async (_, batch) => {
      if (hasInput(batch, 12)) checkAnswers(Buffer.from('HTTP/1.1 500 Internal Server Error\r\n'));
    }),
    RANGE,
  );
  assert.equal(report?.replay, '--kind fake --seed 5 --only 12');
  assert.equal(report?.input, 'input 12');
  assert.match(report?.message ?? '', /500/);
});

test('an input that ends the service is reported, and the next kind gets a new service', async () => {
  const report = await fuzzer.run(
    kind(async ({ service }, batch) => {
      if (hasInput(batch, 11)) service.kill('SIGKILL');
    }),
    RANGE,
  );
  assert.equal(report?.replay, '--kind fake --seed 5 --only 11');
  assert.match(report?.message ?? '', /^the service ended with SIGKILL/);
  assert.equal(
    await fuzzer.run(
      kind(async () => {}),
      RANGE,
    ),
    undefined,
  );
});

test('a fault that only inputs together cause is reported with their range', async () => {
  const report = await fuzzer.run(
    kind(async (_, batch) => {
      if (batch.length > 1) throw new Error('together');
    }),
    RANGE,
  );
  assert.equal(report?.replay, '--kind fake --seed 5 --from 10 --inputs 8');
  assert.equal(report?.input, undefined);
});

test('a seed makes the same inputs twice, and different ones than another seed', () => {
  const inputs = (kind: Kind, seed: number) => {
    const values = new Values(seed);
    return Array.from({ length: 20 }, (_, index) =>
      kind.show({ random: randomOf(seed, kind.name, index), values, index }),
    );
  };
  for (const kind of KINDS) {
    const first = inputs(kind, 1);
    assert.deepEqual(inputs(kind, 1), first, kind.name);
    assert.notDeepEqual(inputs(kind, 2), first, kind.name);
  }
});
