/** From exec to the first answer: the binary beside the least that Node can do. */
import { fileURLToPath } from 'node:url';
import type { Peer } from '../../peers/peer.ts';
import { starting } from '../loads/starting.ts';
import type { Contestant, Row } from '../row.ts';

const BINARY = fileURLToPath(new URL('../../../dist/ratecache', import.meta.url));
const HELLO = `require('node:http').createServer((_, response) => response.end('hello')).listen(process.env.PORT, '127.0.0.1')`;

export const start: Row = {
  name: 'start',
  title: 'Start of a process, to its first answer',
  about: 'One start after another; the binary serves standalone.',
  contestants: [
    contestant('binary', 'dist/ratecache', [BINARY, 'serve', '--standalone'], [BINARY]),
    contestant('node-http', 'node, bare http', [process.execPath, '-e', HELLO], []),
  ],
  references: ['node-http'],
  columns: 'starts',
};

function contestant(name: string, title: string, command: string[], needs: string[]): Contestant {
  return { name, title, peer: nothingBefore(name, title, ['taskset', ...needs]), load: starting(command) };
}

/** There is no server yet: each run starts its own. */
function nothingBefore(name: string, title: string, needs: string[]): Peer {
  const running = { port: 0, pids: [], pathOf: (key: string) => key, stop: async () => {} };
  return { name, title, needs, start: async () => running };
}
