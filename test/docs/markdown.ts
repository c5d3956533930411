/** What is in a page: its fences, its headings, its tables, its code in a line. */

export interface Fence {
  readonly language: string;
  readonly text: string;
}

/** In order; those of lists without their indent. */
export function fencesOf(page: string): Fence[] {
  return [...page.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(([, indent, language, text]) => ({
    language: language!,
    text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** With as many lines as before. */
export function withoutFences(page: string): string {
  return page.replace(/^( *)```[\s\S]*?^\1```$/gm, (fence) => fence.replaceAll(/.+/g, ''));
}

/** Without their marks. */
export function headingsOf(page: string): string[] {
  return [...withoutFences(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!);
}

/** A heading as the fragment of a link names it. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** What stands under a heading, up to the next one. */
export function sectionOf(page: string, heading: string): string {
  // A comment within a fence looks like a heading, and is none.
  const outline = withoutFences(page).split('\n');
  const isHeading = (line: string) => /^#+ /.test(line);
  const start = outline.findIndex((line) => isHeading(line) && line.replace(/^#+ /, '') === heading);
  if (start < 0) throw new Error(`no heading ${heading}`);
  const end = outline.findIndex((line, i) => i > start && isHeading(line));
  return page
    .split('\n')
    .slice(start + 1, end < 0 ? undefined : end)
    .join('\n');
}

/** The rows of the tables, without heads, as cells. */
export function rowsOf(text: string): string[][] {
  const isRule = (line: string | undefined) => line?.startsWith('|---') ?? false;
  return withoutFences(text)
    .split('\n')
    .filter((line, i, all) => line.startsWith('|') && !isRule(line) && !isRule(all[i + 1]))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** What stands between single backticks. */
export function codesOf(text: string): string[] {
  return [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
}
