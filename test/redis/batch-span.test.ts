import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchSpan } from '../../src/redis/batch-span.ts';
import { RecordedSpan } from '../support/recorded-span.ts';

test('a batch without a traced request has no span', () => {
  assert.equal(batchSpan([{}, { span: undefined }], 'MGET'), undefined);
  assert.equal(batchSpan([], 'MGET'), undefined);
});

test('the span of a batch is a step of the first traced request, and has links with the others', () => {
  const [one, two, three] = ['one', 'two', 'three'].map((name) => new RecordedSpan(name)) as [
    RecordedSpan,
    RecordedSpan,
    RecordedSpan,
  ];
  const items = [{}, { span: one }, { span: one }, { span: two }, {}, { span: three }, { span: one }];
  const batch = batchSpan(items, 'MGET');
  assert.deepEqual(one.children, [batch]);
  assert.deepEqual([one.links, two.links, three.links], [[], [batch], [batch]]);
  assert.deepEqual((batch as RecordedSpan).links, [two, three]);
  assert.equal((batch as RecordedSpan).kind, 'client');
  assert.deepEqual((batch as RecordedSpan).attributes, {
    'db.system.name': 'redis',
    'db.operation.name': 'MGET',
    'ratecache.keys': items.length,
  });
});
