/**
 * Instructions of a request in the process of the server, without the kernel's. Other programs on the machine hardly
 * change them, so `--gate` can hold them to limits where a rate or a CPU time would be noise.
 *
 * The limits are a ratchet against regressions, and no targets: about 15 % above the highest count of a few short runs with Node
 * 22.23.3. On 2026-11-30 a hit took 0.64 to 0.70 times the instructions of bare uWS and a get over WebSocket 2.59 to 3.00
 * times; an mget took 287,000 to 331,000 by names and 192,000 to 217,000 by ids, each most when
 * the machine was slow. What Redis takes part in depends on time, by its batches: on 2026-11-29, on a machine with much other
 * work, 97,000 to 146,000 were counted for an L2 hit, and 180,000 to 249,000 for a PUT. A change that must cost more raises its limit in the same commit, and the commit says why. A change that
 * makes a request cheaper lowers it. So do counts on a quiet machine.
 *
 * Next to bare uWS a limit is a ratio, if bare uWS takes a considerable part of the instructions.
 */
import { bareUwsCounting } from '../../peers/bare-uws.ts';
import { ratecacheColdCounting, ratecacheCounting, ratecacheTracingCounting } from '../../peers/ratecache.ts';
import { MANY, type Shape, SMALL } from '../../support/data.ts';
import type { Load } from '../load.ts';
import { answeredFrom } from '../loads/answered-from.ts';
import { type Counting, httpInstructions, webSocketInstructions } from '../loads/instructions.ts';
import { IN_FLIGHT, type WebSocketOptions } from '../loads/websocket.ts';
import { reads, readsInTurn, tracedReads, writes } from '../requests.ts';
import { by, type Contestant, type InstructionLimit, type Row } from '../row.ts';
import { gets, KEYS, MSGPACK, mgets, mgetsByIds } from './websocket.ts';

/**
 * Few keys. What an entry answers is made ready once a second, and under callgrind a second has few requests, on a slow
 * machine fewest. With many keys that work would be a large part of a request, and would depend on the machine.
 */
const FEW: Shape = { ...SMALL, count: 16 };
const OF_ONE_MGET: Shape = { ...SMALL, count: KEYS };

// One connection: with several, it depends on the time how many of their requests one turn of the event loop handles.
const HIT: Counting = { connections: 1, depth: 16, warmup: 150_000, perSecond: 10_000 };
const MGET: Counting = { connections: 1, depth: IN_FLIGHT, warmup: 40_000, perSecond: 1_000 };
const OVER_REDIS: Counting = { connections: 16, depth: 1, warmup: 30_000, perSecond: 4_000 };

const hit: Row = {
  ...row('instructions', 'GET, L1 hit, 16 deep', nextToBare(httpInstructions(reads(FEW), HIT))),
  limit: timesBare(0.85),
  targets: [{ figure: 'instructions', against: bareUwsCounting.name, atMost: 1 }],
};

const traced: Row = {
  ...row('instructions-traced', 'GET, L1 hit, 16 deep, with traces of 1 %', [
    by(ratecacheTracingCounting, httpInstructions(reads(FEW), HIT, tracedReads(FEW))),
    by(ratecacheCounting, httpInstructions(reads(FEW), HIT, tracedReads(FEW))),
  ]),
  about:
    'Without the instructions of the kernel. The spans are sent to a collector on the same machine, and that is counted.',
};

export const instructions: readonly Row[] = [
  hit,
  traced,
  webSocketRow('instructions-ws-get', 'get', gets(MSGPACK, FEW), HIT, timesBare(3.4)),
  webSocketRow(
    'instructions-ws-mget',
    `mget of ${KEYS}`,
    mgets(MSGPACK, OF_ONE_MGET),
    MGET,
    { atMost: 380_000 },
    KEYS,
  ),
  webSocketRow(
    'instructions-ws-mget-ids',
    `mget of ${KEYS} by ids`,
    mgetsByIds(MSGPACK, OF_ONE_MGET),
    MGET,
    { atMost: 250_000 },
    KEYS,
  ),
  {
    ...row('instructions-get-l2', 'GET, L2 hit, 16 at a time', [
      by(ratecacheColdCounting, answeredFrom('l2', httpInstructions(readsInTurn(MANY), OVER_REDIS))),
    ]),
    limit: { atMost: 170_000 },
  },
  {
    ...row('instructions-put', 'PUT, 16 at a time', [
      by(ratecacheCounting, httpInstructions(writes(SMALL), OVER_REDIS)),
    ]),
    limit: { atMost: 290_000 },
  },
];

/** @param keys of a request */
function webSocketRow(
  name: string,
  what: string,
  options: WebSocketOptions,
  counting: Counting,
  limit: InstructionLimit,
  keys = 1,
): Row {
  const title = `WebSocket ${what}, msgpack`;
  return { ...row(name, title, nextToBare(webSocketInstructions(options, counting), keys)), limit };
}

function nextToBare(load: Load, keys = 1): Contestant[] {
  return [by(ratecacheCounting, answeredFrom('l1', load, keys)), by(bareUwsCounting, load)];
}

function timesBare(atMost: number): InstructionLimit {
  return { atMost, against: bareUwsCounting.name };
}

function row(name: string, what: string, contestants: readonly Contestant[]): Row {
  return {
    name,
    title: `Instructions of a ${what}`,
    about:
      'Of the process, divided by the requests, without the instructions of the kernel. Counted by callgrind.',
    contestants,
    reference: contestants.at(-1)!.name,
    figures: ['instructions'],
    rounds: 2,
  };
}
