import { App, listen } from '../../src/uws.ts';

const TOPIC = 'all';

/**
 * The constant server, in a separate process: it answers every request with constant bytes, and pushes the body of
 * each write to all subscribers. The rate of a generator against it is the generator's ceiling. It sends its port by
 * a message.
 *
 * @param bytes size of a value
 * @param items number of items in an answer
 */
export async function serveConstantAnswers(bytes: number, items: number): Promise<void> {
  const value = `"${'v'.repeat(bytes)}"`;
  const item = `{"key":"borrow_rate:AAPL","status":"hit","value":${value},"version":"01a20c60214c0000355a7e2f","ttl":41}`;
  const body = items === 1 ? value : `{"results":[${Array.from({ length: items }, () => item).join(',')}]}`;
  const answer = `{"id":1,"ok":true,${item.slice(1)}`;

  const app = App();
  app.put('/*', (res) => {
    res.onAborted(() => {});
    res.onData((chunk, last) => {
      if (!last) return;
      app.publish(
        TOPIC,
        `{"event":"update","key":"borrow_rate:PUSH","value":${Buffer.from(chunk).toString()}}`,
      );
      res.writeStatus('204 No Content').end();
    });
  });
  app.any('/*', (res) => {
    res
      .writeHeader('Cache-Status', 'ratecache-l1; hit; ttl=41')
      .writeHeader('ETag', '"01a20c60214c0000355a7e2f"')
      .end(body);
  });
  app.ws('/v1/ws', {
    maxBackpressure: 1 << 20,
    message(ws, message) {
      if (Buffer.from(message).includes('"subscribe"')) ws.subscribe(TOPIC);
      ws.send(answer);
    },
  });
  const { port } = await listen(app, '127.0.0.1', 0, false);
  process.send?.({ port });
  process.once('disconnect', () => process.exit());
}
