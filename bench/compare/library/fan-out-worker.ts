/** Many subscribers of one key, and one writer. A change has arrived when the last subscriber has it. */
import { frame, RawWs } from '../../../loadtest/support/raw-ws.ts';
import { exchange } from '../loads/exchange.ts';
import { serveWork } from './serve-work.ts';

const [port, subscribers] = process.argv.slice(2).map(Number) as [number, number];
const KEY = 'borrow_rate:PUSHED';
const RETRY_MS = 20;

const writer = await RawWs.open(port);
let left = 0;
let arrived: () => void = () => {};
for (let i = 0; i < subscribers; i++) {
  const socket = await RawWs.open(port);
  // Bare uWS answers this with the same frame at every socket.
  await exchange(socket, frame(JSON.stringify({ id: 1, op: 'subscribe', keys: [KEY], values: true })));
  socket.onFrame = () => {
    if (--left === 0) arrived();
  };
}
serveWork((i) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  arrived = resolve;
  left = subscribers;
  const value = { rate: 0.0525, borrow_rate: 0.0111, n: i };
  const request = JSON.stringify({ id: i, op: 'set', key: KEY, value });
  // A service that has just been paused is overloaded for a moment.
  writer.onFrame = (answer) => {
    if (answer.includes('"ok":false')) setTimeout(() => writer.send(request), RETRY_MS);
  };
  writer.send(request);
  return promise;
});
