/** A headless Chromium, driven over its DevTools protocol. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { until } from '../../loadtest/support/until.ts';
import { tether } from '../../loadtest/target/tether.ts';

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: {
    readonly exception?: { readonly description?: string };
    readonly text: string;
  };
}

export interface Viewport {
  readonly width: number;
  readonly height: number;
  readonly theme?: 'light' | 'dark';
}

export interface Control {
  readonly role: string;
  readonly name: string;
}

interface AccessibilityNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value: unknown } }[];
}

/** One tab. */
export interface Page {
  /** Console errors, exceptions, and violations of the content security policy. */
  readonly faults: readonly string[];
  /** The addresses that the page requested, WebSockets included. */
  readonly requested: readonly string[];
  open(url: string): Promise<void>;
  /** Evaluates an expression in the page, and returns its value as JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** Resolves with the value of the expression as soon as it is true. */
  until<T>(expression: string): Promise<T>;
  resize(viewport: Viewport): Promise<void>;
  /** Presses and releases a key, such as `Tab`, `Enter` or `Escape`. */
  press(key: string): Promise<void>;
  type(text: string): Promise<void>;
  /** The roles and names of what can be operated, as a screen reader receives them. */
  controls(): Promise<Control[]>;
  /** A PNG of the whole page, or of the viewport. */
  screenshot(whole?: boolean): Promise<Buffer>;
}

export interface Chromium {
  newPage(): Promise<Page>;
  stop(): Promise<void>;
}

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--hide-scrollbars',
  '--remote-debugging-port=0',
];

/** Starts it with an empty profile. End it with `stop`. */
export async function startChromium(): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), 'ratecache-chromium-'));
  const child = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  tether(child);
  const exited = once(child, 'exit');
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('Chromium ended before it listened')));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const url = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  return {
    newPage: () => newPage(endpoint),
    stop: async () => {
      const browser = await Connection.open(endpoint);
      void browser.send('Browser.close');
      await exited;
      // Its other processes may write for a moment more.
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

async function newPage(endpoint: string): Promise<Page> {
  const browser = await Connection.open(endpoint);
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
  browser.close();
  const connection = await Connection.open(endpoint.replace(/\/browser\/.*/, `/page/${targetId}`));
  const faults: string[] = [];
  connection.listen('Runtime.exceptionThrown', ({ exceptionDetails }) =>
    faults.push(textOf(exceptionDetails as Evaluated['exceptionDetails'])),
  );
  connection.listen('Log.entryAdded', ({ entry }) => {
    const { level, text, source } = entry as { level: string; text: string; source: string };
    // The network is no fault of the page: the service may refuse a request.
    if (level === 'error' && source !== 'network') faults.push(text);
  });
  const requested: string[] = [];
  connection.listen('Network.requestWillBeSent', ({ request }) =>
    requested.push((request as { url: string }).url),
  );
  connection.listen('Network.webSocketCreated', ({ url }) => requested.push(url as string));
  for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Accessibility'])
    await connection.send(`${domain}.enable`);

  const evaluate = async <T>(expression: string): Promise<T> => {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await connection.send(
      'Runtime.evaluate',
      options,
    )) as unknown as Evaluated;
    if (exceptionDetails !== undefined) throw new Error(textOf(exceptionDetails));
    return result.value as T;
  };
  return {
    faults,
    requested,
    evaluate,
    controls: async () => {
      const { nodes } = await connection.send('Accessibility.getFullAXTree');
      return (nodes as AccessibilityNode[])
        .filter(({ ignored, properties }) => !ignored && properties?.some(isFocusable))
        .map(({ role, name }) => ({ role: role?.value ?? '', name: name?.value ?? '' }))
        .filter(({ role }) => role !== 'RootWebArea' && role !== 'main');
    },
    open: async (url) => {
      const loaded = connection.once('Page.loadEventFired');
      await connection.send('Page.navigate', { url });
      await loaded;
    },
    until: <T>(expression: string) =>
      until(() => evaluate<T>(expression).catch(() => undefined), {
        timeoutMs: 30_000,
        everyMs: 50,
      }) as Promise<T>,
    resize: async ({ width, height, theme = 'light' }) => {
      const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
      await connection.send('Emulation.setDeviceMetricsOverride', metrics);
      const features = [{ name: 'prefers-color-scheme', value: theme }];
      await connection.send('Emulation.setEmulatedMedia', { features });
    },
    press: async (key) => {
      const code = { Enter: 13, Tab: 9, Escape: 27, ' ': 32 }[key] ?? 0;
      const text = { Enter: '\r', ' ': ' ' }[key];
      const event = { key, code: key === ' ' ? 'Space' : key, windowsVirtualKeyCode: code };
      await connection.send('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...(text && { text }) });
      await connection.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
    },
    type: async (text) => {
      await connection.send('Input.insertText', { text });
    },
    screenshot: async (whole = false) => {
      const { data } = await connection.send('Page.captureScreenshot', { captureBeyondViewport: whole });
      return Buffer.from(data as string, 'base64');
    },
  };
}

function isFocusable({ name, value }: NonNullable<AccessibilityNode['properties']>[number]): boolean {
  return name === 'focusable' && value.value === true;
}

function textOf(details: Evaluated['exceptionDetails']): string {
  return details?.exception?.description ?? details?.text ?? 'unknown';
}

class Connection {
  readonly #socket: WebSocket;
  readonly #open = new Map<number, (answer: Answer) => void>();
  readonly #listeners = new Map<string, ((params: Readonly<Record<string, unknown>>) => void)[]>();
  #next = 1;

  static async open(url: string): Promise<Connection> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Connection(socket);
  }

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) {
        this.#open.get(answer.id)?.(answer);
        this.#open.delete(answer.id);
      } else for (const listener of this.#listeners.get(answer.method!) ?? []) listener(answer.params ?? {});
    });
  }

  send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#open.set(id, ({ error, result }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  listen(method: string, listener: (params: Readonly<Record<string, unknown>>) => void): void {
    this.#listeners.set(method, [...(this.#listeners.get(method) ?? []), listener]);
  }

  once(method: string): Promise<void> {
    return new Promise((resolve) => this.listen(method, () => resolve()));
  }

  close(): void {
    this.#socket.close();
  }
}
