/** @throws Error if an answer reports an internal error. Values of the grammars contain no such text. */
export function checkAnswers(received: Buffer): void {
  const text = received.toString('latin1');
  if (text.includes('HTTP/1.1 500') || text.includes('"code":"internal"'))
    throw new Error(`the service answered ${JSON.stringify(text.slice(0, 500))}`);
}
