import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';

/** A file with this program, in a directory that is removed after the test. */
export async function programFile(t: TestContext, text: string): Promise<URL> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-program-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'program.js');
  await writeFile(file, text);
  return pathToFileURL(file);
}
