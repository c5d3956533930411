/** Simulates HTTP clients with different rates, after all but one process have been restarted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Load } from '../../../src/http/load.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { reportConnections } from '../../../src/service/supervisor/connection-report.ts';
import { surplusOfHttp } from '../../../src/service/supervisor/surplus.ts';

/** Clients that are alike: how many, and how many requests each sends between two looks of the supervisor. */
type Clients = readonly [count: number, requests: number];

/** A generator of Lehmer: numbers from 0 to 1 without 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * All clients are connected to the first process. A client whose connection an answer closes connects to a random one.
 * @returns for each kind of clients, how many are connected to each process at the end; and how many were closed
 */
function spread(processes: number, kinds: readonly Clients[], looks: number, seed: number) {
  const random = seeded(seed);
  const clients = kinds.flatMap(([count, requests], kind) =>
    Array.from({ length: count }, () => ({ kind, requests, process: 0 })),
  );
  const servers = Array.from({ length: processes }, (_, i) => {
    const load = new Load();
    const counters = new Counters();
    const open = () => clients.filter(({ process }) => process === i).length;
    return { load, counters, report: reportConnections({ load, counters, open, lasting: () => 0 }) };
  });
  let closed = 0;
  for (let look = 0; look < looks; look++) {
    const sent = clients.flatMap((client) => {
      const rest = random() < client.requests % 1 ? 1 : 0;
      return Array.from({ length: Math.floor(client.requests) + rest }, () => ({ client, at: random() }));
    });
    for (const { client } of sent.sort((a, b) => a.at - b.at)) {
      const { load, counters } = servers[client.process]!;
      counters.httpResponses[2]!++;
      if (!load.closesNext()) continue;
      closed++;
      client.process = Math.floor(random() * processes);
    }
    for (const [i, count] of surplusOfHttp(servers.map(({ report }) => report())).entries())
      servers[i]!.load.closing = count;
  }
  const connected = kinds.map((_, kind) =>
    servers.map((_, i) => clients.filter((each) => each.kind === kind && each.process === i).length),
  );
  return { connected, closed };
}

test('the connections of clients that are alike end in an even spread', () => {
  for (const [processes, count, requests] of [
    [2, 40, 40],
    [4, 400, 40],
    [2, 300, 1],
  ] as const) {
    const { connected, closed } = spread(processes, [[count, requests]], 16, 1);
    const even = count / processes;
    for (const each of connected[0]!) assert.ok(Math.abs(each - even) <= even * 0.2, connected.join());
    // Each process but the first gets its share, and of the closed ones one in `processes` comes back.
    assert.ok(closed <= count, `${closed} closed`);
  }
});

test('few connections with many requests next to many with few end with an even spread of the requests', () => {
  for (const [busy, slow] of [
    [10, 190],
    [10, 990],
    [50, 50],
  ] as const) {
    const kinds: Clients[] = [
      [busy, 40],
      [slow, 0.2],
    ];
    const all = busy * 40 + slow * 0.2;
    const shares = Array.from({ length: 20 }, (_, run) => {
      const { connected } = spread(2, kinds, 16, 1000 * (run + 1));
      return (connected[0]![0]! * 40 + connected[1]![0]! * 0.2) / all;
    });
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const text = `${busy} next to ${slow}: the first process has ${shares.map((share) => share.toFixed(2))}`;
    assert.ok(mean > 0.4 && mean < 0.6, text);
    assert.ok(Math.min(...shares) >= 0.1 && Math.max(...shares) < 0.6, text);
  }
});

test('what the last look has left to close ends with the next one', () => {
  const load = new Load();
  const counters = new Counters();
  const report = reportConnections({ load, counters, open: () => 5, lasting: () => 2 });
  counters.httpResponses[2] = 10;
  load.closing = 3;
  assert.equal(load.closesNext(), true);
  assert.deepEqual(report(), { lasting: 2, http: 3, answers: 10, closed: 1 });
  assert.equal(load.closesNext(), false);
  counters.httpResponses[4] = 2;
  assert.deepEqual(report(), { lasting: 2, http: 3, answers: 2, closed: 0 });
});
