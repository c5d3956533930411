import { once } from 'node:events';
import { connect } from 'node:net';

const TIMEOUT_MS = 5_000;

/** The answer to this request as it comes, head and body; the head tells the length of the body. */
export async function oneAnswer(port: number, request: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1').setTimeout(TIMEOUT_MS, () => socket.destroy());
  try {
    await once(socket, 'connect');
    socket.write(request);
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      const end = answer.indexOf('\r\n\r\n');
      if (end === -1) continue;
      const length = /\r\ncontent-length: *(\d+)/i.exec(answer.toString('latin1', 0, end))?.[1];
      if (length === undefined) throw new Error('an answer without its length');
      if (answer.length >= end + 4 + Number(length)) return answer;
    }
    throw new Error(`the connection ended, or ${TIMEOUT_MS} ms passed, before the answer was whole`);
  } finally {
    socket.destroy();
  }
}
