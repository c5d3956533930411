import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runningTarget } from '../../../loadtest/target/running.ts';

const target = (url: string) => runningTarget({ url, headers: [], token: undefined, remote: false });

for (const url of [
  'http://user@127.0.0.1:1',
  'http://:password@127.0.0.1:1',
  'http://127.0.0.1:1/path',
  'http://127.0.0.1:1/?query',
])
  test(`${url} is not the address of a service`, async () => {
    await assert.rejects(target(url), /is not of the form/);
  });

for (const host of ['203.0.113.9', '0.0.0.0', '3405803785', '[::ffff:203.0.113.9]', '[2001:db8::1]', '[::]'])
  test(`${host} needs --yes-remote`, async () => {
    await assert.rejects(target(`http://${host}:1`), /Use --yes-remote/);
  });

for (const [host, address] of [
  ['127.0.0.1', '127.0.0.1'],
  ['2130706433', '127.0.0.1'],
  ['0x7f.1', '127.0.0.1'],
  ['[::1]', '::1'],
])
  test(`${host} is a loopback address`, async () => {
    assert.equal((await target(`http://${host}:1`)).host, address);
  });
