/**
 * uWebSockets.js and nothing else: constant header lines, a constant body, a constant frame, as its parent sent them
 * last. This is what is left of an answer when a cache does no work at all.
 */
import { App, listen } from '../../src/uws.ts';
import type { Answer } from '../compare/contender.ts';
import { answerParent } from '../support/child.ts';

/** Lines that uWebSockets.js writes on its own. */
const ITS_OWN = ['date', 'uwebsockets', 'content-length', 'connection'];

let headers: readonly (readonly [string, string])[] = [];
let body = '';
let frame: string | Buffer = '';

const app = App();
app.get('/*', (res) => {
  for (const [name, value] of headers) res.writeHeader(name, value);
  res.end(body);
});
app.ws('/v1/ws', {
  maxPayloadLength: 1024 * 1024,
  message: (ws) => void ws.send(frame, typeof frame !== 'string'),
});
const { port } = await listen(app, '127.0.0.1', 0, false);

answerParent(
  ({ headers: lines, payload }: Answer) => {
    const bytes = Buffer.from(payload);
    if (lines === undefined) frame = bytes[0] === '{'.charCodeAt(0) ? bytes.toString() : bytes;
    else {
      headers = Object.entries(lines).filter(([name]) => !ITS_OWN.includes(name));
      body = bytes.toString('latin1');
    }
  },
  { port },
);
