import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A name server on port 53 of 127.0.0.1 that knows 127.0.0.1 as the address of one name, and nothing else. */
export async function serveName(name: string): Promise<{ asked: () => number; stop: () => void }> {
  const known = Buffer.from(`${name.split('.').map(label).join('')}\0`, 'latin1');
  let asked = 0;
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    asked++;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const wantsAddress = question.readUInt16BE(question.length - 4) === 1;
    const found = wantsAddress && question.subarray(0, -4).equals(known);
    const head = Buffer.from(query.subarray(0, 12));
    // An answer without error, to one question, with one or no record.
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(found ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    // The name of the question, type A, class IN, a minute to live, four bytes.
    const record = Buffer.from('c00c000100010000003c00047f000001', 'hex');
    socket.send(Buffer.concat(found ? [head, question, record] : [head, question]), port, address);
  });
  socket.bind(53, '127.0.0.1');
  await once(socket, 'listening');
  return { asked: () => asked, stop: () => socket.close() };
}

function label(text: string): string {
  return String.fromCharCode(text.length) + text;
}
