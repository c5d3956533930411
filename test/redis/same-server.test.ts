import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SameServer } from '../../src/redis/same-server.ts';

const A = { run_id: 'a', role: 'master' };
const B = { run_id: 'b', role: 'master' };

/** Connections of one process under a clock that the test moves. */
function connections(...names: string[]) {
  const clock = { ms: 0 };
  const closed: string[] = [];
  let moves = 0;
  const same = new SameServer({ onMoved: () => moves++, now: () => clock.ms });
  const members = names.map((name) => {
    const member = same.join();
    member.reconnect = () => {
      closed.push(name);
      member.lost();
    };
    return member;
  });
  return { clock, closed, members, moves: () => moves };
}

test('connections to one server stay open', () => {
  const { closed, members } = connections('data', 'link', 'admin');
  for (const member of members) assert.equal(member.refuse(A), undefined);
  assert.deepEqual(closed, []);
});

test('a connection that reaches another server makes all others connect again', () => {
  const { closed, members, moves } = connections('data', 'link', 'admin');
  for (const member of members) member.refuse(A);
  const [data, link, admin] = members;
  link!.lost();
  assert.equal(link!.refuse(B), undefined);
  assert.deepEqual(closed, ['data', 'admin']);
  assert.equal(data!.refuse(B), undefined);
  assert.equal(admin!.refuse(B), undefined);
  assert.equal(moves(), 1);
});

test('after a restart of the server, which ended every connection, nothing is closed', () => {
  const { closed, members } = connections('data', 'link');
  for (const member of members) member.refuse(A);
  for (const member of members) member.lost();
  for (const member of members) assert.equal(member.refuse(B), undefined);
  assert.deepEqual(closed, []);
});

test('a connection to a replica is refused while the others use a master', () => {
  const { closed, members } = connections('data', 'link');
  const [data, link] = members;
  data!.refuse(A);
  assert.match(link!.refuse({ ...B, role: 'slave' })!, /reached a replica/);
  assert.deepEqual(closed, []);
  data!.lost();
  assert.equal(link!.refuse({ ...B, role: 'slave' }), undefined);
});

test('a connection to a master replaces connections to a replica', () => {
  const { closed, members } = connections('data', 'link');
  const [data, link] = members;
  data!.refuse({ ...A, role: 'slave' });
  assert.equal(link!.refuse(B), undefined);
  assert.deepEqual(closed, ['data']);
});

test('a name that leads to two servers in turn closes connections at most once in 5 s, later in 30 s', () => {
  const { clock, members } = connections('data', 'link');
  const [data, link] = members;
  data!.refuse(A);
  const accepted: number[] = [];
  // Whichever connection is down reaches the server that the other one does not use.
  for (clock.ms = 0; clock.ms <= 120_000; clock.ms += 250) {
    const newcomer = data!.server === undefined ? data! : link!;
    const used = (newcomer === data ? link! : data!).server?.runId;
    if (newcomer.refuse(used === 'a' ? B : A) === undefined) accepted.push(clock.ms);
  }
  assert.deepEqual(accepted, [0, 5000, 15_000, 35_000, 65_000, 95_000]);
});

test('without a run id nothing is compared', () => {
  const { closed, members } = connections('data', 'link');
  members[0]!.refuse(A);
  assert.equal(members[1]!.refuse({}), undefined);
  assert.deepEqual(closed, []);
});
