import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { Message } from './ws-client.ts';

export interface StreamEvent {
  readonly name: string;
  /** The last id that the stream has sent. */
  readonly id: string;
  readonly data: Message;
}

/** Requests `/v1/events`. @returns the stream, or the answer that refuses it */
export async function openEvents(
  service: Pick<Service, 'port'>,
  query: string,
  headers: Record<string, string> = {},
): Promise<EventClient> {
  const asked = request({ port: service.port, path: `/v1/events?${query}`, headers });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve).on('error', reject).end();
  });
  return new EventClient(asked, answer);
}

/** Reads a stream as https://html.spec.whatwg.org/multipage/server-sent-events.html says. */
export class EventClient {
  readonly answer: IncomingMessage;
  readonly events: StreamEvent[] = [];
  /** Lines that are no part of an event. */
  readonly comments: string[] = [];
  retryMs: number | undefined;
  /** Whether the stream ended with its last chunk; undefined while it is open. */
  complete: boolean | undefined;
  readonly #request: ClientRequest;
  #text = '';
  #id = '';
  #name = '';
  #data: string[] = [];
  #seen = 0;

  constructor(asked: ClientRequest, answer: IncomingMessage) {
    this.#request = asked;
    this.answer = answer;
    asked.on('error', () => {});
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => this.#read(text));
    answer.on('error', () => {});
    answer.on('close', () => {
      this.complete = answer.complete;
    });
  }

  /** Waits for the next event with this name; skips others. */
  async next(name: string, matches: (data: Message) => boolean = () => true): Promise<StreamEvent> {
    let found: StreamEvent | undefined;
    await until(() => {
      while (found === undefined && this.#seen < this.events.length) {
        const event = this.events[this.#seen++]!;
        if (event.name === name && matches(event.data)) found = event;
      }
      return found !== undefined;
    });
    return found!;
  }

  /** Waits until the stream has ended. */
  async ended(): Promise<void> {
    await until(() => this.complete !== undefined);
  }

  /** The body of an answer that refuses the stream. */
  async problem(): Promise<Message> {
    await this.ended();
    return JSON.parse(this.#text);
  }

  pause(): void {
    this.answer.pause();
  }

  resume(): void {
    this.answer.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop()!;
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch();
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line)!;
    if (field === '') this.comments.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    else if (field === 'retry') this.retryMs = Number(value);
    else throw new Error(`unknown field ${field}`);
  }

  #dispatch(): void {
    if (this.#data.length > 0)
      this.events.push({ name: this.#name, id: this.#id, data: JSON.parse(this.#data.join('\n')) });
    this.#name = '';
    this.#data = [];
  }
}
