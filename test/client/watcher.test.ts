import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { json } from '../../src/client/codec.ts';
import type { Connection } from '../../src/client/connection.ts';
import { RatecacheError } from '../../src/client/errors.ts';
import { NearCache } from '../../src/client/near-cache.ts';
import { settingsOf } from '../../src/client/options.ts';
import { Trust } from '../../src/client/trust.ts';
import { Watcher } from '../../src/client/watcher.ts';

test('after close, a refused watch by type is not repeated, and no timer keeps the process running', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  let asked = 0;
  const refuse = async () => {
    asked++;
    throw new RatecacheError('overloaded', 'try later', { retryAfterMs: 60_000 });
  };
  const connection = { isUp: true, requests: { nextId: () => asked, send: refuse } } as unknown as Connection;
  const settings = settingsOf({ nearCache: { keysPerType: 1 } }, json);
  const near = new NearCache(settings.nearCache!, new Trust(1000));
  for (const key of ['volatility:A', 'volatility:B']) near.store(key, {});
  const watcher = new Watcher(connection, settings, near, () => false);
  const before = timers();
  void watcher.watchAll();
  await until(() => timers() > before);
  watcher.close();
  assert.equal(timers(), before);
  assert.equal(asked, 1);
});
