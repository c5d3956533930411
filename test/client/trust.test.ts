/** How long the near cache is trusted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { replicasOfFile } from '../support/services.ts';
import { stoppedProgramReadsNothingOld } from './paused.ts';
import { clientOf, IMPATIENT, relayTo, trusted } from './stage.ts';

const PROGRAM = new URL('paused-program.ts', import.meta.url).pathname;

const {
  replicas: [service],
} = await replicasOfFile({});

test('a program that was stopped does not trust heartbeats that waited in its socket', (t) =>
  stoppedProgramReadsNothingOld(t, service, process.execPath, [PROGRAM], process.env));

test('the near cache is trusted while as many requests are open as the client allows', async (t) => {
  const relay = await relayTo(t, service);
  const client = await clientOf(t, relay, IMPATIENT);
  await trusted(client);
  relay.holds = ({ key }) => key !== undefined;
  const writes = Promise.all(Array.from({ length: 1000 }, (_, i) => client.set(`x:${i}`, i)));
  writes.catch(() => {});
  await until(() => relay.of('set').length === 1000);
  await assert.rejects(client.set('x:last', 1), { code: 'too_many_requests' });
  const before = relay.of('heartbeat').length;
  await until(() => relay.of('heartbeat').length > before + 4 && client.state.isTrusted);
  relay.release();
  await writes;
});
