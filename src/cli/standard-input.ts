import { buffer } from 'node:stream/consumers';
import { EXIT_USAGE, Failure } from './exits.ts';

/**
 * Reads standard input to its end, without the last line break.
 * @param what what is expected there: `the value`
 * @throws Failure if standard input is a terminal: the user probably forgot an argument
 */
export async function standardInput(what: string): Promise<Buffer> {
  if (process.stdin.isTTY)
    throw new Failure(`expected ${what} as an argument or on standard input`, EXIT_USAGE);
  const bytes = await buffer(process.stdin);
  let end = bytes.length;
  if (bytes[end - 1] === 0x0a) end--;
  if (bytes[end - 1] === 0x0d) end--;
  return bytes.subarray(0, end);
}

/** The arguments, or without any the lines of standard input. */
export async function keysFrom(keys: readonly string[]): Promise<readonly string[]> {
  if (keys.length > 0) return keys;
  const text = (await standardInput('keys')).toString();
  return text.split(/\r?\n/).filter((line) => line !== '');
}
