import { connect } from '../../../loadtest/support/raw-http.ts';
import type { Running } from '../../peers/peer.ts';
import { itemsOf, type Shape } from '../data.ts';

/** Of a data set so many are asked for; it is one at a time. */
const MOST = 1000;

/** @throws where the server does not answer 200 with the value of each key */
export async function verifyValues(server: Running, shape: Shape): Promise<void> {
  const connection = await connect(server.port);
  try {
    for (const { key, value } of itemsOf(shape).slice(0, MOST)) {
      await connection.send(`GET ${server.pathOf(key)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
      const [answer] = await connection.readResponses(1);
      if (answer!.status !== 200 || answer!.body.toString() !== value)
        throw new Error(`GET ${key}: ${answer!.status} ${answer!.body.toString().slice(0, 200)}`);
    }
  } finally {
    connection.destroy();
  }
}
