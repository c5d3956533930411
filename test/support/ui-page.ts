/** The live page of a service in Chromium. */
import assert from 'node:assert/strict';
import { after, afterEach } from 'node:test';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { type Chromium, type Page, startChromium } from './chromium.ts';
import { type TokensFile, tokensFile } from './tokens.ts';

/** Pages of one Chromium. */
export interface Pages {
  readonly chromium: Chromium;
  /** A new tab. Its faults count at the end of the test. */
  blank(): Promise<Page>;
  /** The page in a new tab. */
  of(service: Pick<Service, 'url'>, hash?: string): Promise<Page>;
  /** Fails if a page of the test had an error, or violated the content security policy. */
  assertNoFaults(): void;
  stop(): Promise<void>;
}

export async function startPages(): Promise<Pages> {
  const chromium = await startChromium();
  const pages: Page[] = [];
  const blank = async () => {
    const page = await chromium.newPage();
    pages.push(page);
    return page;
  };
  return {
    chromium,
    blank,
    of: async (service, hash = '') => {
      const page = await blank();
      await page.open(`${service.url}/ui${hash}`);
      return page;
    },
    assertNoFaults: () => {
      for (const { faults } of pages) assert.deepEqual(faults, []);
      pages.length = 0;
    },
    stop: () => chromium.stop(),
  };
}

export interface Stage {
  readonly redis: RedisServer;
  /** A replica without tokens. */
  readonly open: Service;
  /** A replica of the same Redis that asks for a token. */
  readonly closed: Service;
  readonly tokens: TokensFile;
  readonly pages: Pages;
}

/** Starts two replicas and a Chromium for all tests of a file. After each test its pages must have no faults. */
export async function stageOfFile(rights: Parameters<typeof tokensFile>[0]): Promise<Stage> {
  const redis = await startRedis();
  const tokens = tokensFile(rights);
  const [open, closed, pages] = await Promise.all([
    startReplica(redis),
    startService({ env: { ...redisEnv(redis), ...PATIENT, AUTH_TOKENS_FILE: tokens.path } }),
    startPages(),
  ]);
  after(async () => {
    await pages.stop();
    await Promise.all([open.stop(), closed.stop()]);
    await redis.stop();
    tokens.remove();
  });
  afterEach(() => pages.assertNoFaults());
  return { redis, open, closed, tokens, pages };
}

/** The expressions below are evaluated in the page. */
export const text = (id: string) => `document.getElementById('${id}').innerText`;

export const has = (id: string, part: string) => `${text(id)}.includes(${JSON.stringify(part)})`;

export const announced = (part: string) =>
  `document.getElementById('announcer').textContent.includes(${JSON.stringify(part)})`;

/** The question that is asked. */
export const QUESTION = 'dialog[open]';

export const isAsked = `document.querySelector('${QUESTION}') !== null`;

const buttonOf = (name: string, within: string) =>
  `[...document.querySelectorAll('${within} button')].find((each) => each.innerText === '${name}' && each.checkVisibility())`;

/** Whether a button with this text is visible. */
export const offers = (name: string, within = 'body') => `${buttonOf(name, within)} !== undefined`;

export const press = (name: string, within = 'body') => `${buttonOf(name, within)}.click()`;

/** Searches for the pattern in the list of keys. A pattern that is a key opens it. */
export const find = (pattern: string) =>
  `(document.querySelector('#finder input').value = ${JSON.stringify(pattern)}, document.querySelector('#finder form').requestSubmit())`;

/**
 * From now on, the page receives the value of this expression for requests whose method and path begin so. In the
 * expression, `answer()` asks the service. It replaces an earlier one.
 */
export const answered = (request: string, expression: string) => `(() => {
  const fetch = (window.realFetch ??= window.fetch);
  window.fetch = async (path, init) => {
    if (!\`\${init.method ?? 'GET'} \${path}\`.startsWith(${JSON.stringify(request)})) return fetch(path, init);
    const answer = () => fetch(path, init);
    return ${expression};
  };
})()`;

/** Ends `answered`. */
export const answeredAsBefore = '(window.fetch = realFetch)';

/** Opens the key from the list of keys. */
export async function openKey(page: Page, key: string): Promise<void> {
  await page.until(`!document.getElementById('page').hidden`);
  await page.evaluate(find(key));
  await page.until(has('opened', 'The key in each tier'));
}

/** Enters the token into the form of a page that needs one. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.until(`!document.getElementById('sign-in').hidden`);
  await page.type(token);
  await page.press('Enter');
}
