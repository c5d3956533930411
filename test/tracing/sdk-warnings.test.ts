import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diag } from '@opentelemetry/api';
import { reportSdkWarnings } from '../../src/tracing/sdk-warnings.ts';

test('a warning of the SDK is reported once a minute, without its other arguments, and errors are not', (t) => {
  t.after(() => diag.disable());
  const texts: string[] = [];
  let now = 0;
  reportSdkWarnings(
    (text) => texts.push(text),
    () => now,
  );
  diag.warn('Dropped 3 spans because maxQueueSize reached');
  diag.warn('Dropped 40 spans because maxQueueSize reached');
  diag.warn('unreadable response', Buffer.from('secret'));
  diag.error('the export failed');
  diag.info('retrying');
  now = 60_000;
  diag.warn('Dropped 5 spans because maxQueueSize reached');
  assert.deepEqual(texts, [
    'Dropped 3 spans because maxQueueSize reached',
    'unreadable response',
    'Dropped 5 spans because maxQueueSize reached',
  ]);
});
