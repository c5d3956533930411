/** The run before this one, as the document tells it: what two runs say of the same is what a reader may rely on. */
export interface Earlier {
  /** When, and of which commit, as the document has it. */
  readonly setting: string;
  /** What was measured, by the name of the target. */
  readonly measured: ReadonlyMap<string, string>;
}

/** From the tables that a document holds; undefined where it holds none. */
export function earlierIn(tables: string): Earlier | undefined {
  const time = /^\d{4}-\d\d-\d\d \d\d:\d\d UTC/m.exec(tables)?.[0];
  const section = tables.split(/^### /m).find((each) => each.startsWith('Targets\n'));
  if (time === undefined || section === undefined) return undefined;
  const [head, , ...lines] = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const at = head?.indexOf('measured') ?? -1;
  if (at === -1) return undefined;
  const commit = /, commit ([^;,]+);/.exec(tables)?.[1];
  return {
    setting: commit === undefined ? time : `${time}, commit ${commit}`,
    measured: new Map(lines.map((cells) => [targetName(cells.slice(1, 4)), cells[at] ?? ''])),
  };
}

/** What a target is known by: the first three cells of its line. */
export function targetName(cells: readonly string[]): string {
  return cells.slice(0, 3).join(', ');
}
