/** A profile as a list of what had the samples, by itself and not by what it called. */
import { type Frame, isNative, type Named, named } from './frame.ts';
import type { CpuProfile } from './inspector.ts';

export interface Sampled extends Named {
  readonly samples: number;
}

export interface Condensed {
  readonly seconds: number;
  /** Of the whole time: the event loop polled. The process slept, or the kernel and uWS worked: V8 cannot tell. */
  readonly polling: number;
  /** Of everything else, most first. */
  readonly busy: readonly Sampled[];
}

export function condense({ nodes, startTime, endTime }: CpuProfile): Condensed {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node] as const)));
  const callerOf = (id: number): Frame | undefined => {
    const parent = parents.get(id);
    if (parent === undefined || !isNative(parent.callFrame)) return parent?.callFrame;
    return callerOf(parent.id);
  };
  const found = new Map<string, Sampled>();
  let polling = 0;
  for (const { id, callFrame, hitCount = 0 } of nodes) {
    if (hitCount === 0) continue;
    if (callFrame.functionName === '(idle)') {
      polling += hitCount;
      continue;
    }
    const each = named(callFrame, callerOf(id));
    const samples = (found.get(each.what)?.samples ?? 0) + hitCount;
    found.set(each.what, { ...each, samples });
  }
  return {
    seconds: (endTime - startTime) / 1e6,
    polling,
    busy: [...found.values()].sort((a, b) => b.samples - a.samples),
  };
}
