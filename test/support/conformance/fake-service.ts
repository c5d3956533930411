import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../../loadtest/support/until.ts';
import type { Json } from './scenario.ts';

const SUBPROTOCOL = 'ratecache.v1.json';

/** One connection of the client. */
class Peer {
  readonly address: number;
  readonly token: string | undefined;
  /** Frames of the client that no step has received yet. */
  readonly frames: Json[] = [];
  readonly ws: WebSocket;
  beats: ReturnType<typeof setInterval> | undefined;

  constructor(ws: WebSocket, address: number, authorization: string | undefined) {
    this.ws = ws;
    this.address = address;
    this.token = authorization?.replace('Bearer ', '');
  }

  /** Sends frames in one TCP segment, as far as the kernel allows. */
  send(frames: readonly Json[]): void {
    const socket = (this.ws as unknown as { readonly _socket: import('node:net').Socket })._socket;
    socket.cork();
    for (const frame of frames) this.ws.send(JSON.stringify(frame));
    socket.uncork();
  }
}

/**
 * Plays the service to one client: the steps of a scenario are its answers, events and faults. It answers `heartbeat` and
 * `ping` itself.
 */
export class FakeService {
  readonly #servers: Server[] = [];
  readonly #peers: Peer[] = [];
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, handleProtocols });
  /** Connections that a step has accepted. */
  #accepted = 0;
  #admits = true;
  #beats = true;
  #answers = true;
  #heartbeat = { coherence: 'coherent', time: 1_763_200_000_000, epoch: 'epoch-1', offset: 0 };

  static async start(addresses: number): Promise<FakeService> {
    const service = new FakeService();
    for (let i = 0; i < addresses; i++) {
      const server = createServer();
      server.on('upgrade', (request, socket, head) => {
        if (!service.#admits) return void socket.destroy();
        service.#sockets.handleUpgrade(request, socket, head, (ws) =>
          service.#onConnection(new Peer(ws, i, request.headers.authorization)),
        );
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      service.#servers.push(server);
    }
    return service;
  }

  get addresses(): string[] {
    return this.#servers.map((server) => `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  /** Waits for the next connection; from then on it is the present one. */
  async accept(): Promise<Peer> {
    await until(() => this.#peers.length > this.#accepted);
    return this.#peers[this.#accepted++]!;
  }

  get peer(): Peer {
    const peer = this.#peers[this.#accepted - 1];
    if (peer === undefined) throw new Error('a step needs a connection; add the step "connection" before it');
    return peer;
  }

  /** Changes what heartbeats say, and sends one now; false stops them. */
  heartbeat(change: boolean | Json): void {
    this.#beats = change !== false;
    if (typeof change === 'object') this.#heartbeat = { ...this.#heartbeat, ...change };
    if (this.#beats) this.#beat(this.peer);
  }

  /** Neither reads nor sends any more, but leaves the connection open. */
  freeze(): void {
    clearInterval(this.peer.beats);
    this.peer.ws.pause();
  }

  /** Whether it answers requests for heartbeats. If not, heartbeats arrive all the same. */
  answer(yes: boolean): void {
    this.#answers = yes;
    if (!yes) this.#beatEvery(this.peer, 50);
  }

  admit(yes: boolean): void {
    this.#admits = yes;
  }

  /** Frames that no step has received. */
  get unreceived(): Json[] {
    return this.#peers.flatMap(({ frames }) => frames);
  }

  async close(): Promise<void> {
    for (const { ws, beats } of this.#peers) {
      clearInterval(beats);
      ws.terminate();
    }
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #onConnection(peer: Peer): void {
    this.#peers.push(peer);
    peer.ws.on('close', () => clearInterval(peer.beats));
    peer.ws.on('error', () => {});
    peer.ws.on('message', (data) => this.#onFrame(peer, JSON.parse(String(data))));
  }

  #onFrame(peer: Peer, frame: Json): void {
    const { id, op, interval } = frame;
    if (op === 'ping') return peer.send([{ id, ok: true }]);
    if (op !== 'heartbeat') return void peer.frames.push(frame);
    if (!this.#answers) return;
    peer.send([{ id, ok: true, interval }]);
    this.#beat(peer);
    this.#beatEvery(peer, interval);
  }

  #beatEvery(peer: Peer, interval: number): void {
    clearInterval(peer.beats);
    peer.beats = setInterval(() => this.#beat(peer), interval);
  }

  #beat(peer: Peer): void {
    if (this.#beats && peer.ws.readyState === WebSocket.OPEN)
      peer.send([{ event: 'heartbeat', ...this.#heartbeat }]);
  }
}

function handleProtocols(offered: Set<string>): string | false {
  return offered.has(SUBPROTOCOL) && SUBPROTOCOL;
}
