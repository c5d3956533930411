/**
 * The only door to uWebSockets.js, so that what its types leave out is known in one place. In the single binary the
 * package is not there: its build puts binary/addon.ts in its place.
 */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  us_listen_socket_close,
  type us_socket_context_t,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';

export {
  App,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocket,
};

// Their declaration is an ambient enum, which is not there at run time.
const SHARED_PORT = 0;
const EXCLUSIVE_PORT = 1;

type ListenSocket = Parameters<typeof us_listen_socket_close>[0];

export interface Listening {
  readonly port: number;
  /** Takes no more connections; those that are open stay. */
  readonly stop: () => void;
}

/**
 * Listens, or rejects where the address cannot be had.
 * @param port 0 for any free one
 * @param shared whether other processes may listen on the port too, each getting some of the connections
 */
export function listen(app: TemplatedApp, host: string, port: number, shared: boolean): Promise<Listening> {
  return new Promise((resolve, reject) => {
    // The declaration lacks the form with both host and options.
    const listenOn = app.listen as unknown as (
      host: string,
      port: number,
      options: number,
      done: (socket: ListenSocket | false) => void,
    ) => void;
    listenOn.call(app, host, port, shared ? SHARED_PORT : EXCLUSIVE_PORT, (socket) => {
      if (socket === false) return reject(new Error(`cannot listen on ${host}:${port}; is the port taken?`));
      resolve({
        port: us_socket_local_port(socket as unknown as Parameters<typeof us_socket_local_port>[0]),
        stop: () => us_listen_socket_close(socket),
      });
    });
  });
}
