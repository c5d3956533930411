import type { Row } from './row.ts';

/**
 * Rows and contestants of which these are names. Names of rows choose rows; others choose contestants, beside the
 * first of each row, and rows in which there are such.
 * @throws where a name is of neither
 */
export function narrowed(rows: readonly Row[], names: readonly string[]): Row[] {
  const rowNames = names.filter((name) => rows.some((row) => row.name === name));
  const others = names.filter((name) => !rowNames.includes(name));
  const known = rows.flatMap(({ contestants }) => contestants.map(({ name }) => name));
  const unknown = others.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`there is neither a row nor a server named ${unknown.join(' or ')}`);
  return rows
    .filter(({ name }) => rowNames.length === 0 || rowNames.includes(name))
    .filter(({ contestants }) => others.length === 0 || contestants.some(({ name }) => others.includes(name)))
    .map((row) => ({
      ...row,
      contestants: row.contestants.filter(
        ({ name }, i) => i === 0 || others.length === 0 || others.includes(name),
      ),
    }));
}
