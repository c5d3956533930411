/** WebSockets that connect again when the service closes them with 1012, as clients do. */
import { WebSocket } from 'ws';
import { until } from '../../loadtest/support/until.ts';

export class Sockets {
  /** How often the service has closed one. */
  closed = 0;
  readonly #open = new Set<WebSocket>();
  readonly #url: string;
  #ended = false;

  private constructor(port: number) {
    this.#url = `ws://127.0.0.1:${port}/v1/ws`;
  }

  static async connect(port: number, count: number): Promise<Sockets> {
    const sockets = new Sockets(port);
    for (let i = 0; i < count; i++) sockets.#connect();
    await until(() => sockets.#open.size === count);
    return sockets;
  }

  async close(): Promise<void> {
    this.#ended = true;
    for (const socket of this.#open) socket.terminate();
    await until(() => this.#open.size === 0);
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, 'ratecache.v1.json', { perMessageDeflate: false });
    socket.on('open', () => this.#open.add(socket));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      if (this.#ended) return;
      this.closed++;
      this.#connect();
    });
  }
}
