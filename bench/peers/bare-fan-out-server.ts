/** uWebSockets.js and nothing else: what one socket sends goes to every socket by `ws.send`. */
import { App, listen, type WebSocket } from '../../src/uws.ts';
import { answerParent } from '../support/child.ts';

const sockets = new Set<WebSocket<unknown>>();
const app = App();
app.ws('/v1/ws', {
  open: (ws) => void sockets.add(ws),
  close: (ws) => void sockets.delete(ws),
  message: (_ws, message) => {
    const frame = Buffer.from(message);
    for (const ws of sockets) ws.send(frame, false);
  },
});
const { port } = await listen(app, '127.0.0.1', 0, false);

answerParent(() => undefined, { port });
