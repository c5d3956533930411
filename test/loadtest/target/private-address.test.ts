import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, isPrivate } from '../../../loadtest/target/private-address.ts';

test('loopback, private and unique local addresses are private', () => {
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '::1',
    'fd00::1',
    '::ffff:10.0.0.1',
  ])
    assert.ok(isPrivate(address), address);
});

test('every other address is not, also a link-local one such as that of cloud metadata', () => {
  for (const address of [
    '0.0.0.0',
    '172.15.0.1',
    '172.32.0.1',
    '100.64.0.1',
    '192.0.2.1',
    '169.254.169.254',
    '203.0.113.9',
    '::',
    'fe80::1',
    '2001:db8::1',
    '::ffff:203.0.113.9',
  ])
    assert.ok(!isPrivate(address), address);
});

test('an address that is neither loopback nor private needs --yes-remote', async () => {
  await assert.rejects(addressesOf('203.0.113.9', false), /203\.0\.113\.9 is neither .* Use --yes-remote/);
  assert.deepEqual(await addressesOf('203.0.113.9', true), ['203.0.113.9']);
  assert.deepEqual(await addressesOf('127.0.0.1', false), ['127.0.0.1']);
});
