import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UNCOUNTED } from '../../../bench/peers/ratecache/peer.ts';
import { PIECES, without } from '../../../bench/peers/ratecache/pieces.ts';
import { startService } from '../../../loadtest/target/service.ts';

const PATH = '/v1/cache/borrow_rate:AAPL';
const HITS = 200;

for (const [file, pieces] of Object.entries(PIECES))
  test(`what counts and times a hit stands once each in src/${file}`, () => {
    const text = readFileSync(new URL(`../../../src/${file}`, import.meta.url), 'utf8');
    const left = without(file, text, pieces);
    assert.equal(left.length, text.length - pieces.join('').length);
  });

test('a piece that is not there, or there twice, is an error that names the file and the piece', () => {
  assert.throws(() => without('a.ts', 'one\n', ['hits++;\n']), /src\/a\.ts has this 0 times.*\nhits\+\+;/);
  assert.throws(() => without('a.ts', 'hits++;\nhits++;\n', ['hits++;\n']), /2 times and not once/);
});

test('the service without them answers the same, and counts no hit', async (t) => {
  const [counted, uncounted] = await Promise.all([
    startService({ standalone: true }),
    startService({ standalone: true, env: UNCOUNTED }),
  ]);
  t.after(() => Promise.all([counted.stop(), uncounted.stop()]));
  const seen = [];
  for (const service of [counted, uncounted]) {
    const headers = { 'Content-Type': 'application/json' };
    await service.fetch(PATH, { method: 'PUT', headers, body: '{"rate":0.0525}' });
    let answer = '';
    for (let i = 0; i < HITS; i++) {
      const response = await service.fetch(PATH);
      answer = `${response.status} ${response.headers.get('cache-status')?.split(';')[0]} ${await response.text()}`;
    }
    const metrics = await (await service.fetch('/metrics')).text();
    const of = (series: string) => {
      const line = metrics.split('\n').find((each) => each.startsWith(`${series} `));
      assert.ok(line, series);
      return Number(line.slice(series.length));
    };
    seen.push({
      answer,
      hits: of('cache_service_lookups_total{cache="local",result="hit",type="borrow_rate"}'),
      timed: of('cache_service_request_duration_seconds_count{operation="get"}'),
      answers: of('ratecache_http_responses_total{class="2xx"}'),
    });
  }
  const answer = '200 ratecache-l1 {"rate":0.0525}';
  assert.deepEqual(seen, [
    // Of hits one in 64 is timed, for all of them; of answers one is to the PUT.
    { answer, hits: HITS, timed: HITS, answers: HITS + 1 },
    { answer, hits: 0, timed: 0, answers: 1 },
  ]);
});
