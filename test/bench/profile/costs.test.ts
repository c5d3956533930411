import assert from 'node:assert/strict';
import type { Profiler } from 'node:inspector';
import { test } from 'node:test';
import { costsOf } from '../../../bench/profile/costs.ts';

const ROOT = new URL('../../..', import.meta.url).href;
const READ = `${ROOT}src/http/read.ts`;
const PACKAGE = `${ROOT}node_modules/ioredis/built/Command.js`;
const OUTSIDE = 'uWS, libuv and the kernel, outside of functions';

/** 100 samples in a second. Ids are places in the list, from 1. */
const NODES: readonly (readonly [name: string, url: string, hits: number, children?: number[]])[] = [
  ['(root)', '', 0, [2, 3, 4, 5, 8]],
  ['(idle)', '', 60],
  ['(program)', '', 5],
  ['(garbage collector)', '', 5],
  ['', READ, 10, [6, 7]],
  ['end', '', 7],
  ['get', `${ROOT}src/cache/l1/memory.ts`, 6],
  ['emit', 'node:events', 0, [9, 10]],
  ['writeUtf8String', '', 3],
  ['Command', PACKAGE, 1, [11]],
  ['byteLength', '', 3],
];
const PROFILE: Profiler.Profile = {
  nodes: NODES.map(([functionName, url, hitCount, children = []], i) => ({
    id: i + 1,
    callFrame: { functionName, scriptId: '0', url, lineNumber: url === '' ? -1 : 9, columnNumber: 0 },
    hitCount,
    children,
  })),
  startTime: 5_000_000,
  endTime: 6_000_000,
};
const rounded = (costs: ReadonlyMap<string, number>) =>
  Object.fromEntries([...costs].map(([what, us]) => [what, Math.round(us)]));

test('each function has its own samples, and a native function the samples of its caller', () => {
  const { groups, functions } = costsOf(PROFILE, 1, 1000);
  assert.deepEqual(rounded(functions), {
    '(garbage collector)': 50,
    '(anonymous), src/http/read.ts:10': 100,
    'end, native, called by src/http/read.ts': 70,
    'get, src/cache/l1/memory.ts:10': 60,
    'writeUtf8String, native, called by node:events': 30,
    'Command, ioredis/built/Command.js:10': 10,
    'byteLength, native, called by ioredis/built/Command.js': 30,
  });
  assert.deepEqual(rounded(groups), {
    [OUTSIDE]: 650,
    'garbage collector': 50,
    'src/http': 100,
    'uWS and the kernel, called by src': 70,
    'src/cache': 60,
    'Node, and the kernel called by it': 30,
    ioredis: 40,
  });
});

test('sleep is not a cost, and the groups add up to the CPU time of the process', () => {
  // It used 0.7 s of the second: of the 60 samples of polling, 30 were work of the kernel and of uWS.
  const awake = costsOf(PROFILE, 0.7, 1000).groups;
  assert.equal(rounded(awake)[OUTSIDE], 350);
  assert.equal(rounded(awake)['src/http'], 100);
  for (const cpuSeconds of [0.7, 0.2]) {
    const { groups } = costsOf(PROFILE, cpuSeconds, 1000);
    const sum = [...groups.values()].reduce((all, us) => all + us, 0);
    assert.ok(Math.abs(sum / (1000 * cpuSeconds) - 1) < 1e-9, `${sum}`);
  }
});
