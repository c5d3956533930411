/** What a request pays for: the samples of a profile as shares of the CPU time that the system counts. */
import type { Profiler, Runtime } from 'node:inspector';

type Frame = Runtime.CallFrame;

/** Microseconds of CPU time for a request. */
export interface Costs {
  /** They add up to the CPU time of the process. */
  readonly groups: ReadonlyMap<string, number>;
  /** Each function without the functions that it called. */
  readonly functions: ReadonlyMap<string, number>;
}

/** V8's name for the time in which the event loop polls, although uWS and the kernel work then too. */
const IDLE = '(idle)';
const OUTSIDE = 'uWS, libuv and the kernel, outside of functions';
const UWS = 'uWS and the kernel, called by src';
const NODE = 'Node, and the kernel called by it';
const ROOT = new URL('../..', import.meta.url).href;

/** @param cpuSeconds of the process, while it was profiled */
export function costsOf(profile: Profiler.Profile, cpuSeconds: number, requests: number): Costs {
  const { nodes, startTime, endTime } = profile;
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node] as const)));
  const callerOf = (id: number): Frame | undefined => {
    const parent = parents.get(id);
    return parent?.callFrame.url === '' ? callerOf(parent.id) : parent?.callFrame;
  };
  const seconds = (endTime - startTime) / 1e6;
  const samples = nodes.reduce((sum, { hitCount = 0 }) => sum + hitCount, 0);
  const polling = nodes.find(({ callFrame }) => callFrame.functionName === IDLE)?.hitCount ?? 0;
  // A process sleeps nowhere but where it polls.
  const asleep = Math.min(polling, samples * Math.max(0, 1 - cpuSeconds / seconds));
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  const usOfSample = (cpuSeconds * 1e6) / (samples - asleep) / requests;
  for (const { id, callFrame, hitCount = 0 } of nodes) {
    if (hitCount === 0) continue;
    const us = usOfSample * (callFrame.functionName === IDLE ? hitCount - asleep : hitCount);
    const { what, group } = named(callFrame, callerOf(id));
    groups.set(group, (groups.get(group) ?? 0) + us);
    if (group !== OUTSIDE) functions.set(what, (functions.get(what) ?? 0) + us);
  }
  return { groups, functions };
}

/** @param caller the nearest function around it that is not native */
function named(frame: Frame, caller: Frame | undefined): { readonly what: string; readonly group: string } {
  const name = frame.functionName || '(anonymous)';
  if (frame.url !== '')
    return { what: `${name}, ${fileOf(frame)}:${frame.lineNumber + 1}`, group: groupOf(frame) };
  if (name === '(garbage collector)') return { what: name, group: 'garbage collector' };
  if (caller === undefined) return { what: name, group: name.startsWith('(') ? OUTSIDE : NODE };
  const group = groupOf(caller);
  return {
    what: `${name}, native, called by ${fileOf(caller)}`,
    group: group.startsWith('src') ? UWS : group,
  };
}

function groupOf(frame: Frame): string {
  if (frame.url.startsWith('node:')) return NODE;
  const [folder, file] = fileOf(frame).split('/');
  return folder === 'src' || folder!.startsWith('@') ? `${folder}/${file}` : folder!;
}

/** From the root of the project on, or from the name of the package on. */
function fileOf({ url }: Frame): string {
  const inPackage = url.lastIndexOf('/node_modules/');
  if (inPackage >= 0) return url.slice(inPackage + '/node_modules/'.length);
  return url.startsWith(ROOT) ? url.slice(ROOT.length) : url;
}
