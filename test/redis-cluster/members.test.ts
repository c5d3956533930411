import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Member } from '../../src/redis/cluster/member.ts';
import { Members } from '../../src/redis/cluster/members.ts';
import type { SlotTable } from '../../src/redis/cluster/slot-table.ts';
import { SLOT_COUNT, tagOf } from '../../src/redis/cluster/slots.ts';

function setUp() {
  const events: string[] = [];
  const members = new Members({
    open: (address) => {
      events.push(`open ${address}`);
      return {
        address,
        follow: () => events.push(`follow ${address}`),
        retire: () => events.push(`retire ${address}`),
      } as unknown as Member;
    },
    onAssigned: ({ address }, slots) => events.push(`${address} owns ${slots.size} more`),
  });
  const taken = () => events.splice(0);
  return { members, taken };
}

/** Adds replicas to a table. */
function withReplicas(known: SlotTable, ...replicas: string[]): SlotTable {
  return { ...known, nodes: new Set([...known.nodes, ...replicas]) };
}

/** A table in which each master owns the slots up to its last. */
function table(...ranges: [address: string, last: number][]): SlotTable {
  const owners: (string | undefined)[] = Array(SLOT_COUNT).fill(undefined);
  let first = 0;
  for (const [address, last] of ranges) {
    owners.fill(address, first, last + 1);
    first = last + 1;
  }
  return { epoch: 1, owners, nodes: new Set(ranges.map(([address]) => address)) };
}

test('a table opens its masters, and orders them by their highest slot', () => {
  const { members, taken } = setUp();
  members.apply(table(['a:1', 99], ['b:1', SLOT_COUNT - 1]));
  assert.deepEqual(taken(), [
    'open a:1',
    'follow a:1',
    'open b:1',
    'follow b:1',
    'a:1 owns 100 more',
    'b:1 owns 16284 more',
  ]);
  assert.deepEqual(
    members.masters.map(({ address }) => address),
    ['b:1', 'a:1'],
  );
  assert.equal(members.ownerOf(99)!.address, 'a:1');
  assert.equal(members.tag('a:1'), tagOf(99));
});

test('the same table again changes nothing', () => {
  const { members, taken } = setUp();
  members.apply(table(['a:1', SLOT_COUNT - 1]));
  taken();
  members.apply(table(['a:1', SLOT_COUNT - 1]));
  assert.deepEqual(taken(), []);
});

test('a master that lost all its slots is retired, and its heir owns them', () => {
  const { members, taken } = setUp();
  members.apply(table(['a:1', 99], ['b:1', SLOT_COUNT - 1]));
  taken();
  members.apply(table(['heir:1', 99], ['b:1', SLOT_COUNT - 1]));
  assert.deepEqual(taken(), ['open heir:1', 'follow heir:1', 'heir:1 owns 100 more', 'retire a:1']);
});

test('a slot that moved has its new owner at once, and the highest slot of both masters is known', () => {
  const { members, taken } = setUp();
  members.apply(table(['a:1', 99], ['b:1', SLOT_COUNT - 1]));
  taken();
  members.moved(99, 'b:1');
  assert.deepEqual(taken(), ['b:1 owns 1 more']);
  assert.equal(members.tag('a:1'), tagOf(98));
  assert.equal(members.tag('b:1'), tagOf(SLOT_COUNT - 1));
  members.moved(99, 'b:1');
  assert.deepEqual(taken(), []);
});

test('slots that move do not change the order of the masters, and an heir takes the place of its master', () => {
  const { members } = setUp();
  const order = () => members.masters.map((member) => `${member.address} ${members.placeOf(member)}`);
  members.apply(table(['a:1', 99], ['b:1', 199], ['c:1', SLOT_COUNT - 1]));
  const before = ['c:1 16383', 'b:1 199', 'a:1 99'];
  assert.deepEqual(order(), before);
  // The highest slot of a:1 is above all slots of b:1 now.
  members.moved(300, 'a:1');
  assert.deepEqual(order(), before);
  const { owners } = table(['heir:1', 99], ['b:1', 199], ['c:1', SLOT_COUNT - 1]);
  members.apply({ epoch: 2, owners: owners.with(300, 'heir:1'), nodes: new Set(['heir:1', 'b:1', 'c:1']) });
  assert.deepEqual(order(), ['c:1 16383', 'b:1 199', 'heir:1 99']);
});

test('a master that loses its place takes a lower one, so that a listing does not skip it', () => {
  const { members } = setUp();
  members.apply(table(['a:1', 99], ['b:1', SLOT_COUNT - 1]));
  members.moved(300, 'a:1');
  members.moved(99, 'b:1');
  assert.equal(members.placeOf(members.ownerOf(300)!), 98);
  assert.equal(members.placeOf(members.ownerOf(99)!), SLOT_COUNT - 1);
});

test('a node that a redirect names stays connected although it owns no slot yet', () => {
  const { members, taken } = setUp();
  members.apply(table(['a:1', SLOT_COUNT - 1]));
  const guest = members.at('new:1');
  assert.equal(members.at('new:1'), guest);
  assert.equal(members.tag('new:1'), undefined);
  members.apply(table(['a:1', SLOT_COUNT - 1]));
  assert.deepEqual(taken(), ['open a:1', 'follow a:1', 'a:1 owns 16384 more', 'open new:1', 'follow new:1']);
});

test('slots without an owner in a table keep their last owner', () => {
  const { members, taken } = setUp();
  members.apply(table(['a:1', SLOT_COUNT - 1]));
  taken();
  members.apply(table(['a:1', 10]));
  assert.deepEqual(taken(), []);
  assert.equal(members.ownerOf(11)!.address, 'a:1');
});

test('replicas are connected in advance, and the cache follows a replica only when it owns a slot', () => {
  const { members, taken } = setUp();
  members.apply(withReplicas(table(['a:1', SLOT_COUNT - 1]), 'replica:1'));
  assert.deepEqual(taken(), ['open a:1', 'follow a:1', 'a:1 owns 16384 more', 'open replica:1']);
  assert.deepEqual(
    members.masters.map(({ address }) => address),
    ['a:1'],
  );
  members.moved(7, 'replica:1');
  assert.deepEqual(taken(), ['follow replica:1', 'replica:1 owns 1 more']);
  assert.equal(members.at('replica:1'), members.ownerOf(7));
  assert.deepEqual(taken(), []);
});

test('a master that becomes a replica is connected anew, so that its link ends', () => {
  const { members, taken } = setUp();
  members.apply(withReplicas(table(['a:1', SLOT_COUNT - 1]), 'b:1'));
  taken();
  members.apply(withReplicas(table(['b:1', SLOT_COUNT - 1]), 'a:1'));
  assert.deepEqual(taken(), ['follow b:1', 'b:1 owns 16384 more', 'retire a:1', 'open a:1']);
});

test('a replica that leaves the table is retired', () => {
  const { members, taken } = setUp();
  const one = table(['a:1', SLOT_COUNT - 1]);
  members.apply(withReplicas(one, 'replica:1'));
  taken();
  members.apply(one);
  assert.deepEqual(taken(), ['retire replica:1']);
});

test('the cache follows a replica that a redirect names', () => {
  const { members, taken } = setUp();
  const one = withReplicas(table(['a:1', SLOT_COUNT - 1]), 'replica:1');
  members.apply(one);
  taken();
  members.at('replica:1');
  members.apply(one);
  assert.deepEqual(taken(), ['follow replica:1']);
});
