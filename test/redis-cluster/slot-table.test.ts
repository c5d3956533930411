import assert from 'node:assert/strict';
import { test } from 'node:test';
import keySlot from 'cluster-key-slot';
import { StoreError } from '../../src/cache/store.ts';
import { AddressMap } from '../../src/redis/cluster/address.ts';
import { redirectOf } from '../../src/redis/cluster/redirect.ts';
import { slotTable } from '../../src/redis/cluster/slot-table.ts';
import { clusterSlots, SLOT_COUNT, tagOf } from '../../src/redis/cluster/slots.ts';
import { refusal } from '../../src/redis/refusal.ts';

const OK = 'cluster_state:ok\r\ncluster_slots_ok:16384\r\ncluster_current_epoch:7\r\n';
const PLAIN = new AddressMap({});

const read = (slots: unknown, info = OK, addresses = PLAIN) =>
  slotTable(info, slots, '10.0.0.9:6379', addresses);

test('a table names the owner of each slot, all nodes and the epoch', () => {
  const table = read([
    [0, 99, ['10.0.0.1', 6379, 'a'], ['10.0.0.2', 6379, 'b']],
    [100, 16_383, ['10.0.0.3', 6380, 'c', []]],
  ])!;
  assert.equal(table.epoch, 7);
  assert.equal(table.owners.length, SLOT_COUNT);
  assert.deepEqual(
    [0, 99, 100, 16_383].map((slot) => table.owners[slot]),
    ['10.0.0.1:6379', '10.0.0.1:6379', '10.0.0.3:6380', '10.0.0.3:6380'],
  );
  assert.deepEqual([...table.nodes], ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6380']);
});

test('a slot without a range has no owner', () => {
  const table = read([[1, 1, ['10.0.0.1', 6379, 'a']]])!;
  assert.deepEqual([table.owners[0], table.owners[1]], [undefined, '10.0.0.1:6379']);
});

test('a node that announces no host has the host of the node that answered', () => {
  for (const host of [null, '']) assert.equal(read([[0, 0, [host, 6379, 'a']]])!.owners[0], '10.0.0.9:6379');
});

test('announced addresses are translated by REDIS_CLUSTER_NAT_MAP', () => {
  const map = new AddressMap({ '10.0.0.1:6379': { host: 'outside', port: 7001 } });
  assert.equal(read([[0, 0, ['10.0.0.1', 6379, 'a']]], OK, map)!.owners[0], 'outside:7001');
});

test('the table of a node that has lost the majority is not used', () => {
  assert.equal(read([[0, 0, ['10.0.0.1', 6379, 'a']]], OK.replace('ok', 'fail')), undefined);
});

test('replies that do not match the commands are an error', () => {
  for (const [slots, info] of [
    ['OK', OK],
    [[[0, 1]], OK],
    [[[0, 1, 'x']], OK],
    [[], 'nonsense'],
  ] as const)
    assert.throws(() => read(slots, info), StoreError);
});

test('redirects name the node to use, also with an IPv6 address or without a host', () => {
  const of = (message: string) => redirectOf(refusal(message), '10.0.0.9:6379', PLAIN);
  assert.deepEqual(of('MOVED 3999 10.0.0.1:6381'), { kind: 'moved', to: '10.0.0.1:6381' });
  assert.deepEqual(of('ASK 3999 ::1:6381'), { kind: 'ask', to: '::1:6381' });
  assert.deepEqual(of('MOVED 3999 :6381'), { kind: 'moved', to: '10.0.0.9:6381' });
  assert.equal(of('CLUSTERDOWN The cluster is down'), undefined);
  assert.equal(of('MOVED'), undefined);
});

test('a change that Redis redirects or cannot serve may become pending', () => {
  for (const message of [
    'MOVED 1 a:1',
    'ASK 1 a:1',
    'TRYAGAIN Multiple keys',
    'CLUSTERDOWN Hash slot not served',
  ])
    assert.equal(refusal(message).passing, true, message);
});

test('a tag names its slot, and the prefix counts for the slot of a key', () => {
  for (const slot of [0, 1, 8191, 16_383]) {
    assert.equal(keySlot(`__ratecache__:canary:x${tagOf(slot)}`), slot);
    assert.equal(tagOf(slot), tagOf(slot));
  }
  assert.equal(clusterSlots('p:').of('borrow_rate:AAPL'), keySlot('p:borrow_rate:AAPL'));
});
