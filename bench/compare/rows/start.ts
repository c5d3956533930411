/** From start to the first answer: the binary next to the least that Node can do. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildBinary } from '../../../scripts/build/binary.ts';
import { starting } from '../loads/starting.ts';
import { by, type Contestant, type Row } from '../row.ts';

const OUT = fileURLToPath(new URL('../../out/', import.meta.url));
const BINARY = `${OUT}ratecache`;
const SOURCES = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const HELLO = `require('node:http').createServer((_, answer) => answer.end('hello')).listen(process.env.PORT, '127.0.0.1')`;

export const start: Row = {
  name: 'start',
  title: 'From start to the first answer',
  about: 'One start after another; ratecache standalone. The binary is built from the sources first.',
  contestants: [
    contestant('binary', [BINARY, 'serve', '--standalone'], buildOnce),
    contestant('node src/main.ts', [process.execPath, SOURCES, 'serve', '--standalone']),
    contestant('bare http of Node', [process.execPath, '-e', HELLO]),
  ],
  reference: 'bare http of Node',
  figures: ['startMs', 'megabytes'],
  targets: [{ figure: 'startMs', against: 'bare http of Node', atMost: 2.5 }],
};

/** Each run of the load starts its own process. */
function contestant(name: string, command: readonly string[], prepare = async () => {}): Contestant {
  const running = { port: 0, pids: [], pathOf: (key: string) => key, stop: async () => {} };
  const start = () => prepare().then(() => running);
  return by({ name, title: name, needs: [], start }, starting(command));
}

async function buildOnce(): Promise<void> {
  mkdirSync(OUT, { recursive: true });
  await buildBinary(BINARY, 'snapshot');
}
