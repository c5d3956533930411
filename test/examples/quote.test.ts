import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startService } from '../../loadtest/target/service.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/quote.ts', import.meta.url));

test('the example quotes a fee, and quotes again when the rate changes', async (t) => {
  const service = await startService({ standalone: true, env: { OVERLOAD_LOOP_DELAY_MS: '0' } });
  t.after(() => service.stop());
  const run = await promisify(execFile)(process.execPath, [EXAMPLE, `ws://127.0.0.1:${service.port}`]);
  const fees = [...run.stdout.matchAll(/\$([\d.]+) \(rate ([\d.]+), coherent/g)].map(([, fee, rate]) => [
    rate,
    fee,
  ]);
  assert.deepEqual(
    fees,
    [0.25, 0.25, 0.31, 0.42].map((rate) => [String(rate), feeAt(rate).toFixed(2)]),
  );
  assert.match(run.stdout, /near cache/);
});

/** The fee of the example at a borrow rate. */
function feeAt(rate: number): number {
  return (1000 * 24.5 * (rate * (1 + 0.1 * 0.9 + 0.02 * 3) + 0.01) * 5) / 365 + 25;
}
