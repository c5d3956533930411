/** What is started, each as a process of its own that serves on PORT. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildBinary } from '../../scripts/build/binary.ts';
import type { Form } from '../../scripts/build/executable.ts';

export interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** On top of what all get. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What all are compared with. */
export const HELLO: Contender = {
  name: 'hello, of Node’s http alone',
  command: process.execPath,
  args: [
    '-e',
    "require('node:http').createServer((_, answer) => answer.end()).listen(process.env.PORT, '127.0.0.1')",
  ],
};

const SERVE = ['serve', '--standalone'];
const OUT = new URL('../out/start/', import.meta.url);

/** A heap limit for a container, as one would set it: a flag of V8, for which compiled code is not valid. */
const WITH_LIMIT = { NODE_OPTIONS: '--max-old-space-size=1024' };

/** Builds the binary in each form that Node offers. */
export async function contenders(): Promise<Contender[]> {
  mkdirSync(OUT, { recursive: true });
  const sources = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const text = await built('text');
  const codeCache = await built('code-cache');
  const snapshot = await built('snapshot');
  return [
    HELLO,
    { name: '`node src/main.ts`', command: process.execPath, args: [sources, ...SERVE] },
    { name: 'binary of its text', command: text, args: SERVE },
    { name: 'binary with a code cache', command: codeCache, args: SERVE },
    { name: 'the same, with a heap limit', command: codeCache, args: SERVE, env: WITH_LIMIT },
    { name: '**binary with a snapshot**', command: snapshot, args: SERVE },
    { name: 'the same, with a heap limit', command: snapshot, args: SERVE, env: WITH_LIMIT },
  ];
}

async function built(form: Form): Promise<string> {
  const output = fileURLToPath(new URL(`ratecache-${form}`, OUT));
  await buildBinary(output, form);
  return output;
}
