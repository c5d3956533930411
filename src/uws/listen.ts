import type { TemplatedApp, us_listen_socket_close, us_socket_local_port } from 'uWebSockets.js';
import { selectAddon } from './select.ts';

// The package declares these as an ambient enum, which does not exist at run time.
const SHARED_PORT = 0;
const EXCLUSIVE_PORT = 1;

type ListenSocket = Parameters<typeof us_listen_socket_close>[0];

export interface Listening {
  readonly port: number;
  /** Accepts no more connections. Open connections stay open. */
  readonly stop: () => void;
}

/**
 * Listens. Rejects when the address cannot be bound.
 * @param port 0 for any free port
 * @param shared whether other processes may listen on the same port; the kernel spreads connections over them
 */
export function listen(app: TemplatedApp, host: string, port: number, shared: boolean): Promise<Listening> {
  const { addon } = selectAddon();
  return new Promise((resolve, reject) => {
    // The package does not declare the signature with both host and options.
    const listenOn = app.listen as unknown as (
      host: string,
      port: number,
      options: number,
      done: (socket: ListenSocket | false) => void,
    ) => void;
    listenOn.call(app, host, port, shared ? SHARED_PORT : EXCLUSIVE_PORT, (socket) => {
      if (socket === false) return reject(new Error(`cannot listen on ${host}:${port}; is the port taken?`));
      resolve({
        port: addon.us_socket_local_port(socket as unknown as Parameters<typeof us_socket_local_port>[0]),
        stop: () => addon.us_listen_socket_close(socket),
      });
    });
  });
}
