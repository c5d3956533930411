import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressFor, isPrivate } from '../../../loadtest/target/private-address.ts';

test('loopback, private, unique local and link-local addresses are private', () => {
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.1.1',
    '::1',
    'fd00::1',
    'fe80::1',
    '::ffff:10.0.0.1',
  ])
    assert.ok(isPrivate(address), address);
});

test('every other address is not', () => {
  for (const address of [
    '0.0.0.0',
    '172.15.0.1',
    '172.32.0.1',
    '100.64.0.1',
    '192.0.2.1',
    '203.0.113.9',
    '::',
    '2001:db8::1',
    '::ffff:203.0.113.9',
  ])
    assert.ok(!isPrivate(address), address);
});

test('an address that is neither loopback nor private needs --yes-remote', async () => {
  await assert.rejects(addressFor('203.0.113.9', false), /203\.0\.113\.9 is neither .* Use --yes-remote/);
  assert.equal(await addressFor('203.0.113.9', true), '203.0.113.9');
  assert.equal(await addressFor('127.0.0.1', false), '127.0.0.1');
});
