import { connect, type RawConnection, type RawResponse } from '../../loadtest/support/raw-http.ts';
import { migratesConnections } from '../../src/service/supervisor/migrates-connections.ts';

const MOST_ATTEMPTS = 20;

/**
 * Sends a request on a new connection. While a process stops, Linux resets connections that it has not accepted, unless
 * `net.ipv4.tcp_migrate_req` is 1 (see docs/deployment/processes.md). Only then is a request repeated whose connection
 * ended without a byte.
 */
export async function askOnNew(
  port: number,
  request: string,
): Promise<{ readonly connection: RawConnection; readonly answer: RawResponse }> {
  for (let attempt = 1; ; attempt++) {
    try {
      const connection = await connect(port);
      await connection.send(request);
      const [answer] = await connection.readResponses(1);
      return { connection, answer: answer! };
    } catch (error) {
      if (migratesConnections() === true || attempt === MOST_ATTEMPTS || !isReset(error)) throw error;
    }
  }
}

/** As `askOnNew`, without the connection. */
export async function answerOnNew(port: number, request: string): Promise<RawResponse> {
  const { connection, answer } = await askOnNew(port, request);
  connection.destroy();
  return answer;
}

function isReset(error: unknown): boolean {
  const { message, code } = error as NodeJS.ErrnoException;
  return (
    code === 'ECONNRESET' || code === 'EPIPE' || /ended after 0 of 1 responses; unread: ""$/.test(message)
  );
}
