import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condense } from '../../../bench/profile/condense.ts';
import { costsOf } from '../../../bench/profile/costs.ts';
import { COLLECTOR, OUTSIDE } from '../../../bench/profile/frame.ts';
import { PROFILE } from './made-up.ts';

const NODE = 'Node, and the kernel called by it';
const UWS = 'uWS and the kernel, called by src';
const rounded = (costs: readonly { what: string; us: number }[]) =>
  Object.fromEntries(costs.map(({ what, us }) => [what, Math.round(us)]));

test('a profile is condensed to the samples of each function by itself, native ones by who calls them', () => {
  assert.deepEqual(condense(PROFILE), {
    seconds: 1,
    polling: 60,
    busy: [
      { what: '(anonymous), src/http/read.ts:10', group: 'src/http', samples: 10 },
      { what: 'end, native, called by src/http/read.ts', group: UWS, samples: 7 },
      { what: 'get, src/cache/key-map.ts:10', group: 'src/cache', samples: 6 },
      { what: '(program)', group: OUTSIDE, samples: 5 },
      { what: '(garbage collector)', group: COLLECTOR, samples: 5 },
      { what: 'byteLength, native, called by ioredis/built/Command.js', group: 'ioredis', samples: 3 },
      { what: 'writeUtf8String, native, called by node:events', group: NODE, samples: 2 },
      { what: 'cork, native, called by src/http/read.ts', group: UWS, samples: 1 },
      { what: 'Command, ioredis/built/Command.js:10', group: 'ioredis', samples: 1 },
    ],
  });
});

test('of the time in which the event loop polls, what the process slept is nobody’s cost', () => {
  // It ran for 0.7 s of the second: of the 0.6 s of polling, 0.3 were work of the kernel and of uWS.
  const usage = { user: 0.6, kernel: 0.2, ran: 0.7, waited: 0 };
  const { cpuUs, kernelUs, groups, functions } = costsOf(condense(PROFILE), usage, 1000);
  assert.deepEqual(rounded(groups), {
    [OUTSIDE]: 350,
    'src/http': 100,
    'other threads: compiler, collector, profiler': 100,
    [UWS]: 80,
    'src/cache': 60,
    [COLLECTOR]: 50,
    ioredis: 40,
    [NODE]: 20,
  });
  assert.equal(Math.round(cpuUs), 800);
  assert.equal(Math.round(kernelUs), 200);
  assert.equal(functions.length, 7);
  assert.deepEqual(rounded(functions.slice(0, 1)), { '(anonymous), src/http/read.ts:10': 100 });
});

test('what the process waited for its core is spread over all that it did, so that the sum is its CPU time', () => {
  const usage = { user: 0.25, kernel: 0.1, ran: 0.35, waited: 0.35 };
  const { cpuUs, waited, groups } = costsOf(condense(PROFILE), usage, 1000);
  assert.equal(Math.round(cpuUs), 350);
  assert.equal(waited, 0.35);
  assert.equal(rounded(groups)['src/http'], 50);
  assert.equal(rounded(groups)[OUTSIDE], 175);
});
