import type { Redis } from 'ioredis';
import { Lru } from '../cache/lru.ts';
import type { Counters } from '../metrics/counters.ts';
import {
  answersChannel,
  answerText,
  type Identity,
  parseAnswer,
  parseQuestion,
  questionText,
  type ReplicaView,
} from './inquiry-messages.ts';

export interface InquiryOptions {
  readonly identity: Identity;
  readonly channel: string;
  readonly db: number;
  readonly maxKeyBytes: number;
  /** For a master of a Cluster: returns the hash tag of a slot that it owns, or undefined while it owns none. */
  readonly tag?: (() => string | undefined) | undefined;
}

export interface InquiryDeps {
  readonly link: Redis;
  /** Sends questions and answers. */
  readonly data: Redis;
  readonly counters: Counters;
  /** Returns what this replica knows about a key. */
  readonly view: (key: string) => ReplicaView;
}

/** A replica that asked or answered before. */
export interface KnownReplica {
  readonly replica: string;
  readonly host: string;
  /** In ms since 1970, of this machine's clock. */
  readonly seenAt: number;
}

export interface Answers {
  /** The replicas that answered, without this one. */
  readonly replicas: readonly ReplicaView[];
  /** How many other subscribers of the channel received the question and did not answer. */
  readonly silent: number;
  /** Replicas that asked or answered before and did not answer now. */
  readonly missing: readonly KnownReplica[];
}

/** How long a question waits for answers. */
const WAIT_MS = 300;
/** The most answers to one question that are used. */
const MOST_ANSWERS = 256;
/** Questions of this process, and answers to others, in one second. More are neither sent nor answered. */
const QUESTIONS_PER_SECOND = 10;
const ANSWERS_PER_SECOND = 50;
const MOST_KNOWN = 256;

interface Open {
  readonly replicas: Map<string, ReplicaView>;
  /** The number of answers to wait for; undefined until Redis has returned it. */
  expected: number | undefined;
  readonly complete: () => void;
}

/** Too many questions in this second. */
export class TooManyQuestions extends Error {
  constructor() {
    super(`this replica asks at most ${QUESTIONS_PER_SECOND} questions per second`);
  }
}

/** Asks the other replicas about a key, over the link of one server, and answers their questions. */
export class Inquiry {
  readonly #options: InquiryOptions;
  readonly #deps: InquiryDeps;
  readonly #open = new Map<string, Open>();
  readonly #known = new Lru<KnownReplica>(MOST_KNOWN);
  readonly #questions = new PerSecond(QUESTIONS_PER_SECOND);
  readonly #answers = new PerSecond(ANSWERS_PER_SECOND);
  #asked = 0;

  constructor(options: InquiryOptions, deps: InquiryDeps) {
    this.#options = options;
    this.#deps = deps;
    const onMessage = (channel: Buffer, message: Buffer | Buffer[] | null) => {
      if (Buffer.isBuffer(message)) this.#onMessage(channel.toString(), message);
    };
    deps.link.on('messageBuffer', onMessage);
    deps.link.on('smessageBuffer', onMessage);
  }

  /**
   * Waits until every replica has answered, and for 300 ms at most.
   * @throws Error if the question could not be sent
   */
  async ask(key: string): Promise<Answers> {
    const { identity } = this.#options;
    if (!this.#questions.allow()) {
      this.#deps.counters.countLimited('questions');
      throw new TooManyQuestions();
    }
    const origin = identity.replica;
    const id = `${origin}-${++this.#asked}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS);
    const open: Open = { replicas: new Map(), expected: undefined, complete: resolve };
    this.#open.set(id, open);
    try {
      const sent = this.#send(key, id, open);
      // A time-out while the question is sent: Redis does not answer.
      await Promise.race([sent.then(() => promise), promise]);
      if (open.expected === undefined)
        throw new Error(`Redis did not accept the question within ${WAIT_MS} ms`);
    } finally {
      clearTimeout(timer);
      this.#open.delete(id);
    }
    const replicas = [...open.replicas.values()];
    const silent = Math.max(0, open.expected - replicas.length);
    const missing = [...this.#known.items.keys()]
      .map((replica) => this.#known.peek(replica)!)
      .filter(({ replica }) => !open.replicas.has(replica));
    return { replicas, silent, missing: silent === 0 ? [] : missing };
  }

  async #send(key: string, id: string, open: Open): Promise<void> {
    const { link, data } = this.#deps;
    const { identity, channel, db } = this.#options;
    if (data.status !== 'ready') throw new Error('not connected to Redis');
    if (link.status !== 'ready') throw new Error('the invalidation link of this replica is down');
    const tag = this.#tag();
    const to = answersChannel(identity.replica, tag);
    await (tag === '' ? link.subscribe(to) : link.ssubscribe(to));
    const text = questionText({ origin: identity.replica, host: identity.host, id, key, to }, db);
    const receivers = await (tag === '' ? data.publish(channel, text) : data.spublish(channel + tag, text));
    // One of them is the link of this replica.
    open.expected = Number(receivers) - 1;
    if (open.replicas.size >= open.expected) open.complete();
  }

  /** @throws Error while the master owns no slot */
  #tag(): string {
    const { tag } = this.#options;
    if (tag === undefined) return '';
    const present = tag();
    if (present === undefined) throw new Error('the master of the key owns no slot');
    return present;
  }

  #onMessage(channel: string, message: Buffer): void {
    const { identity, db, maxKeyBytes } = this.#options;
    const own = answersChannel(identity.replica, '');
    if (channel.startsWith(own)) return this.#onAnswer(message);
    if (!channel.startsWith(this.#options.channel)) return;
    const question = parseQuestion(message, db, maxKeyBytes);
    if (question === undefined || question.origin === identity.replica) return;
    this.#see(question.origin, question.host);
    if (!this.#answers.allow()) return this.#deps.counters.countLimited('questions');
    const { id, key, to } = question;
    const text = answerText(id, this.#deps.view(key));
    const { data } = this.#deps;
    // The replica that asks waits for a moment only. Without a connection it does not receive an answer.
    (to.endsWith('}') ? data.spublish(to, text) : data.publish(to, text)).catch(() => {});
  }

  #onAnswer(message: Buffer): void {
    const answer = parseAnswer(message);
    const open = answer && this.#open.get(answer.id);
    if (answer === undefined || open === undefined || open.replicas.size >= MOST_ANSWERS) return;
    const { replica, host } = answer.replica;
    this.#see(replica, host);
    open.replicas.set(replica, answer.replica);
    if (open.expected !== undefined && open.replicas.size >= open.expected) open.complete();
  }

  #see(replica: string, host: string): void {
    this.#known.set(replica, { replica, host, seenAt: Date.now() });
  }
}

/** Allows so many events in each second. */
class PerSecond {
  readonly #most: number;
  #second = 0;
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  allow(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count <= this.#most;
  }
}
