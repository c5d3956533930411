/** Listings of a Cluster whose slots move, or whose masters are replaced, between two pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVERYTHING } from '../../src/cache/match.ts';
import type { Listing } from '../../src/cache/store.ts';
import { ClusterStore } from '../../src/redis/cluster/cluster-store.ts';
import type { Member } from '../../src/redis/cluster/member.ts';
import { Members } from '../../src/redis/cluster/members.ts';
import { clusterSlots, SLOT_COUNT } from '../../src/redis/cluster/slots.ts';

/** The greatest cursor of SCAN for which a listing has room. */
const INNER = String(2n ** 36n - 1n);
const LAST: Readonly<Record<string, number>> = { 'a:1': 99, 'b:1': 199, 'c:1': SLOT_COUNT - 1 };

/** Three masters, each with two pages of one key. */
function setUp() {
  const pageOf = (address: string, cursor: string | undefined): Listing =>
    (cursor ?? '0') === '0'
      ? { keys: [{ key: `${address} first`, ttlMs: 1 }], cursor: INNER }
      : {
          keys: [{ key: `${address} from ${cursor === INNER ? 'the cursor' : cursor}`, ttlMs: 1 }],
          cursor: undefined,
        };
  const members = new Members({
    open: (address) =>
      ({
        address,
        store: { list: async (_match: unknown, cursor: string | undefined) => pageOf(address, cursor) },
        follow: () => {},
        retire: () => {},
      }) as unknown as Member,
    onAssigned: () => {},
  });
  const apply = (replaced: Readonly<Record<string, string>> = {}) => {
    const names = Object.keys(LAST).map((name) => replaced[name] ?? name);
    const owners = Array.from({ length: SLOT_COUNT }, (_, slot) => {
      const name = Object.keys(LAST).find((each) => slot <= LAST[each]!)!;
      return replaced[name] ?? name;
    });
    members.apply({ epoch: 1, owners, nodes: new Set(names) });
  };
  apply();
  const store = new ClusterStore({
    members,
    topology: { suspect: () => {}, reading: undefined, refresh: async () => {} },
    addresses: {} as never,
    slotOf: clusterSlots('').of,
    commandTimeoutMs: 1000,
    onUnreported: () => {},
  });
  return { members, apply, store };
}

/** Lists everything. Calls `between` with the number of pages after each page. */
async function listed(store: ClusterStore, between: (pages: number) => void = () => {}): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await store.list(EVERYTHING, cursor, 1);
    keys.push(...page.keys.map(({ key }) => key));
    cursor = page.cursor;
    assert.ok(cursor === undefined || BigInt(cursor) < 2n ** 64n, cursor);
    between(++pages);
  } while (cursor !== undefined);
  return keys;
}

const ALL = [
  'c:1 first',
  'c:1 from the cursor',
  'b:1 first',
  'b:1 from the cursor',
  'a:1 first',
  'a:1 from the cursor',
];

test('a listing visits each master once', async () => {
  assert.deepEqual(await listed(setUp().store), ALL);
});

test('a listing skips no master because a slot moves to it meanwhile', async () => {
  for (const moment of [1, 2, 3, 4]) {
    const { members, store } = setUp();
    const keys = await listed(store, (pages) => pages === moment && members.moved(5000, 'a:1'));
    assert.deepEqual(keys, ALL, `after page ${moment}`);
  }
});

test('a listing begins a master again after a replica has replaced it, because it has another cursor', async () => {
  const { apply, store } = setUp();
  const keys = await listed(store, (pages) => pages === 3 && apply({ 'b:1': 'heir:1' }));
  assert.deepEqual(keys, [...ALL.slice(0, 3), 'heir:1 first', 'heir:1 from the cursor', ...ALL.slice(4)]);
});
