import assert from 'node:assert/strict';
import { test } from 'node:test';
import { json } from '../../src/client/codec.ts';
import { RatecacheError } from '../../src/client/errors.ts';
import { Requests } from '../../src/client/requests.ts';

test('after close, a request fails at once, and no timer keeps the process running', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const requests = new Requests(json);
  requests.close(new RatecacheError('closed', 'the client was closed'));
  const before = timers();
  const answer = requests.send({ op: 'get', key: 'x:1' }, { timeoutMs: 60_000 });
  assert.equal(timers(), before);
  await assert.rejects(answer, { code: 'closed' });
});
