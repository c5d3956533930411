/** Lines of `ratecache top` about values that are not good: dead sources and marks. */
import type { markView } from '../http/marks.ts';
import type { sourceView } from '../http/sources.ts';
import { namesOf } from './marks.ts';
import { printable } from './printable.ts';
import { styled } from './style.ts';

export interface QualityLists {
  readonly sources: readonly Pick<ReturnType<typeof sourceView>, 'name' | 'state' | 'heartbeat_at'>[];
  readonly marks: readonly ReturnType<typeof markView>[];
}

/** Returns no line if every source is alive, and none about marks without a mark. @param fit shortens a line */
export function qualityLines({ sources, marks }: QualityLists, fit: (text: string) => string): string[] {
  const lines = [sourcesLine(sources), marksLine(marks)].filter((text) => text !== undefined);
  return lines.map((text) => styled('yellow', fit(text)));
}

function sourcesLine(sources: QualityLists['sources']): string | undefined {
  const dead = sources.filter(({ state }) => state === 'dead');
  if (dead.length === 0) return undefined;
  const names = dead.map(
    ({ name, heartbeat_at: at }) => `${printable(name)} (last heartbeat ${at.slice(11, 19)} UTC)`,
  );
  return `dead sources: ${dead.length} of ${sources.length}: ${names.join(', ')}`;
}

function marksLine(marks: QualityLists['marks']): string | undefined {
  if (marks.length === 0) return undefined;
  const counts = (['halted', 'suspect'] as const).flatMap((state) => {
    const count = marks.filter((each) => each.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  const newest = marks.reduce((a, b) => (b.created_at > a.created_at ? b : a));
  return `marks: ${counts.join(', ')}; the newest: ${newest.state} ${namesOf(newest)}: ${printable(newest.reason)}`;
}
