/**
 * uWebSockets.js and nothing else: constant header lines, a constant body, a constant frame, as its parent has sent
 * them last. It is what is left of an answer when a cache does no work at all.
 */
import { App, type HttpRequest, type HttpResponse, listen } from '../../../src/uws.ts';

export interface Imitated {
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** Of a WebSocket: base64 where it is binary. */
  readonly frame?: { readonly payload: string; readonly binary: boolean };
}

let headers: Imitated['headers'] & {} = [];
let body = '';
let frame: string | Buffer = '';
let binary = false;

const answer = (res: HttpResponse) => {
  for (const [name, value] of headers) res.writeHeader(name, value);
  res.end(body);
};
const readAndAnswer = (res: HttpResponse, req: HttpRequest) => {
  req.getUrl();
  req.getHeader('accept');
  req.getHeader('if-none-match');
  answer(res);
};

const app = App();
app.get('/*', process.argv[2] === 'reads' ? readAndAnswer : answer);
app.ws('/v1/ws', {
  message: (ws) => void ws.send(frame, binary),
});
process.on('message', (imitated: Imitated) => {
  headers = imitated.headers ?? headers;
  body = imitated.body ?? body;
  if (imitated.frame !== undefined) {
    binary = imitated.frame.binary;
    frame = binary ? Buffer.from(imitated.frame.payload, 'base64') : imitated.frame.payload;
  }
  process.send!({ imitated: true });
});
const { port } = await listen(app, '127.0.0.1', 0, false);
process.send!({ port });
process.once('disconnect', () => process.exit());
