/** A profile as V8 gives it, made up: 100 samples in a second. */
import type { CpuProfile } from '../../../bench/profile/inspector.ts';

const ROOT = new URL('../../..', import.meta.url).href;
const READ = `${ROOT}src/http/read.ts`;
const PACKAGE = `${ROOT}node_modules/ioredis/built/Command.js`;

type Made = readonly [name: string, url: string, hits: number, children?: readonly number[]];

/** Ids are places in the list, from 1. */
const NODES: readonly Made[] = [
  ['(root)', '', 0, [2, 3, 4, 5, 10]],
  ['(idle)', '', 60],
  ['(program)', '', 5],
  ['(garbage collector)', '', 5],
  ['', READ, 10, [6, 7, 8]],
  ['end', '', 4],
  ['get', `${ROOT}src/cache/key-map.ts`, 6],
  ['collect', '', 1, [9]],
  ['end', '', 3],
  ['emit', 'node:events', 0, [11, 12]],
  ['writeUtf8String', '', 2],
  ['Command', PACKAGE, 1, [13]],
  ['byteLength', '', 3],
];

export const PROFILE: CpuProfile = {
  nodes: NODES.map(([functionName, url, hitCount, children], i) => ({
    id: i + 1,
    callFrame: { functionName, scriptId: '0', url, lineNumber: url === '' ? -1 : 9, columnNumber: 0 },
    hitCount,
    ...(children && { children: [...children] }),
  })),
  startTime: 5_000_000,
  endTime: 6_000_000,
};
