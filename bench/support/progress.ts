const CLEAR_LINE = '\r\u001b[2K';

/** Says on standard error what is being measured: on a terminal in one line that changes. */
export function progress(what: string): void {
  const { stderr } = process;
  stderr.write(stderr.isTTY ? `${CLEAR_LINE}${what.slice(0, stderr.columns - 1)}` : `${what}\n`);
}

export function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
}
