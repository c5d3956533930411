import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { parseAnnouncement } from '../../src/redis/announcement.ts';
import { connect } from '../../src/redis/connect.ts';
import { Inquiry, TooManyQuestions } from '../../src/redis/inquiry.ts';
import {
  answersChannel,
  answerText,
  parseAnswer,
  parseQuestion,
  questionText,
  type ReplicaView,
} from '../../src/redis/inquiry-messages.ts';
import { addressOf } from '../support/redis-connection.ts';

const CHANNEL = 'cache_invalidation';
const KEY = 'borrow_rate:AAPL';

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const viewBy = (replica: string): ReplicaView => ({
  replica,
  host: `host-${replica}`,
  pid: 1,
  release: '0.1.0',
  coherence: 'coherent',
  l1: { state: 'absent' },
  pending: null,
  last_change: null,
});

/** A replica that listens to the channel, as the bus arms it. */
async function join(t: TestContext, replica: string) {
  const counters = new Counters();
  const address = addressOf({ port: redis.port });
  const [link, data] = ['link', 'data'].map((name) => connect(address, name, counters)) as [Redis, Redis];
  t.after(() => {
    link.disconnect();
    data.disconnect();
  });
  const asked: string[] = [];
  const { host, pid, release } = viewBy(replica);
  const inquiry = new Inquiry(
    { identity: { replica, host, pid, release }, channel: CHANNEL, db: 0, maxKeyBytes: 512 },
    {
      link,
      data,
      counters,
      view: (key) => {
        asked.push(key);
        return viewBy(replica);
      },
    },
  );
  await Promise.all([link, data].map((each) => each.status !== 'ready' && once(each, 'ready')));
  await link.subscribe(CHANNEL);
  return { inquiry, data, asked, counters };
}

test('a question reaches every other replica once, and their answers return', async (t) => {
  const [a, b, c] = await Promise.all(['0000000a', '0000000b', '0000000c'].map((name) => join(t, name)));
  const answers = await until(async () => {
    const answered = await a!.inquiry.ask(KEY);
    return answered.silent === 0 ? answered : undefined;
  });
  assert.deepEqual(answers.replicas.map(({ replica }) => replica).sort(), ['0000000b', '0000000c']);
  assert.equal(a!.asked.length, 0, 'a replica does not answer itself');
  assert.deepEqual([b!.asked[0], c!.asked[0]], [KEY, KEY]);
});

test('malformed questions, and questions that name another channel for the answers, are not answered', async (t) => {
  const { asked, data } = await join(t, '0000000d');
  const question = { origin: 'e', host: 'h', id: 'i', key: KEY, to: answersChannel('e', '') };
  const text = questionText(question, 0);
  const bad = [
    'question',
    '{"question"',
    '{"question":null}',
    '{"keys":[],"question":{}}',
    text.replace(KEY, ''),
    text.replace(KEY, 'k'.repeat(600)),
    text.replace(KEY, '\\u0000'),
    text.replace(question.to, CHANNEL),
    text.replace(question.to, `${question.to} x`),
    text.replace('{', '{"db":3,'),
    text.replace('"h"', JSON.stringify('h'.repeat(20_000))),
    JSON.stringify([text]),
  ];
  for (const each of bad) await data.publish(CHANNEL, each);
  // Redis delivers in order: the valid question is the last one.
  await data.publish(CHANNEL, text);
  await until(() => asked.length > 0);
  assert.deepEqual(asked, [KEY]);
});

test('a flood of questions is answered at most 50 times a second, and the rest is counted', async (t) => {
  const { asked, data, counters } = await join(t, '0000000f');
  const question = { origin: 'e', host: 'h', id: 'i', key: KEY, to: answersChannel('e', '') };
  const text = questionText(question, 0);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 1000 }, () => data.publish(CHANNEL, text)));
  await until(() => asked.length + (counters.limited.get('questions') ?? 0) === 1000);
  const seconds = Math.ceil((performance.now() - startedAt) / 1000) + 1;
  assert.ok(asked.length <= 50 * seconds, `${asked.length} answers in ${seconds} s`);
});

test('a replica sends at most ten questions a second', async (t) => {
  const { inquiry, counters } = await join(t, '00000010');
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => inquiry.ask(KEY)));
  const rejected = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  // On a busy machine, Redis may accept a question too late.
  const refused = rejected.filter(({ reason }) => reason instanceof TooManyQuestions);
  // The 40 calls are made in one turn of the event loop, which may contain the end of a second.
  assert.ok(refused.length >= 20, `${refused.length} refused`);
  assert.match(refused[0]!.reason.message, /at most 10 questions per second/);
  assert.equal(counters.limited.get('questions'), refused.length);
});

test('malformed answers are ignored', () => {
  const text = answerText('i', viewBy('a'));
  const parse = (changed: string) => parseAnswer(Buffer.from(changed));
  assert.deepEqual(parse(text), { id: 'i', replica: viewBy('a') });
  for (const bad of [
    '',
    '{',
    'null',
    '{}',
    text.replace('"absent"', '"other"'),
    text.replace('"coherent"', '7'),
    text.replace('"host-a"', JSON.stringify('h'.repeat(300))),
  ])
    assert.equal(parse(bad), undefined, bad);
  assert.deepEqual(
    parse(text.replace('"pid"', '"later":1,"pid"')),
    parse(text),
    'unknown members are dropped',
  );
});

test('as announcements, questions and answers change nothing', () => {
  const question = { origin: 'e', host: 'h', id: 'i', key: KEY, to: answersChannel('e', '{7}') };
  for (const text of [questionText(question, 3), answerText('i', viewBy('a'))]) {
    const announcement = parseAnnouncement(text, 512)!;
    assert.deepEqual([announcement.keys, announcement.matches], [[], []]);
  }
  assert.deepEqual(parseQuestion(Buffer.from(questionText(question, 3)), 3, 512), question);
});
