/** How long an HTTP connection stays open after an answer, as `Keep-Alive` announces it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { selectAddon } from '../../src/uws.ts';
import { byNewerAddon } from '../support/newer-addon.ts';

const SECONDS = '5';
const GET = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';

byNewerAddon('an idle connection stays open for HTTP_IDLE_TIMEOUT_SECONDS, then the service closes it', (t) =>
  closesAfter(t, SECONDS),
);

const older = selectAddon().warning !== undefined;
test(
  'with the older addon, answers announce its fixed idle time, then the service closes the connection',
  {
    skip: !older && 'the newer addon is loaded',
  },
  (t) => closesAfter(t, '8'),
);

async function closesAfter(t: { after(step: () => void): void }, announced: string): Promise<void> {
  const env = { ...PATIENT, HTTP_IDLE_TIMEOUT_SECONDS: SECONDS };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop());
  const connection = await connect(service.port);
  await connection.send(GET);
  const [answer] = await connection.readResponses(1);
  const answeredAt = performance.now();
  assert.equal(answer!.headers['keep-alive'], `timeout=${announced}`);
  await connection.closed;
  assert.ok(performance.now() - answeredAt >= Number(announced) * 1000 - 100);
}
