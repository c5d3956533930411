import { type AddressInfo, createServer } from 'node:net';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1';

/** Listens, tells the parent the port, and answers every request when `respond` says so. A request is one packet. */
export function answerAll(respond: (answer: () => void) => void): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => respond(() => socket.write(ANSWER)));
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.once('disconnect', () => process.exit());
}
