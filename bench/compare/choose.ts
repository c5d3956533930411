import type { Row } from './row.ts';

/**
 * Names of rows choose rows. Other names choose contestants next to the first of a row, and the rows that have them.
 * @throws where a name is unknown
 */
export function chosenRows(rows: readonly Row[], names: readonly string[]): Row[] {
  const rowNames = names.filter((name) => rows.some((row) => row.name === name));
  const others = names.filter((name) => !rowNames.includes(name));
  const known = rows.flatMap(({ contestants }) => contestants.map(({ name }) => name));
  const unknown = others.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no row or server is named ${unknown.join(' or ')}`);
  return rows
    .filter(({ name }) => rowNames.length === 0 || rowNames.includes(name))
    .filter(({ contestants }) => others.length === 0 || contestants.some(({ name }) => others.includes(name)))
    .map((row) => ({
      ...row,
      contestants: row.contestants.filter(
        ({ name }, i) => i === 0 || name === row.reference || others.length === 0 || others.includes(name),
      ),
    }));
}
