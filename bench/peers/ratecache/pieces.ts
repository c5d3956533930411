/**
 * What a GET that L1 answers does only in order to be counted and timed, as it stands in the files of `src/`: text that
 * can be taken out of them, and the answer is the same. Nothing is logged on that way.
 */
export const PIECES: Readonly<Record<string, readonly string[]>> = {
  'cache/two-level.ts': ['    this.#counters.l1Hits[entry.type]!++;\n'],
  'http/read.ts': [
    `  const seconds = counters.getSeconds;
  // The first hit is timed, so that there is a sample for those that follow.
  let timedAfter = 0;
`,
    `    const timed = seconds.untimed >= timedAfter;
    const start = timed ? performance.now() : 0;
`,
    '    counters.httpResponses[2]!++;\n',
    `    if (timed) {
      seconds.observeSample((performance.now() - start) / 1000);
      timedAfter = TIMED_EVERY - 1;
    } else seconds.untimed++;
`,
  ],
};

/** The text without these pieces of it. @throws where one does not stand there once: what counts has changed */
export function without(file: string, text: string, pieces: readonly string[]): string {
  return pieces.reduce((left, piece) => {
    const parts = left.split(piece);
    if (parts.length !== 2)
      throw new Error(`src/${file} has this ${parts.length - 1} times and not once:\n${piece}`);
    return parts.join('');
  }, text);
}
