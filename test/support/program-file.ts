import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { scratch } from '../../bench/peers/launch.ts';

/** A file with this program, to be forked, in a directory that goes with the test. */
export async function programFile(t: TestContext, text: string): Promise<URL> {
  const { path, remove } = await scratch();
  t.after(remove);
  const file = join(path, 'server.js');
  await writeFile(file, text);
  return pathToFileURL(file);
}
