/** Runs the commands of a page, in their order and in one shell, as an operator would. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { type Fence, fencesOf } from './markdown.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Between the outputs of two fences. */
const END = '\u001e';

export interface Place {
  readonly service: Service;
  readonly redis: RedisServer;
  readonly password: string;
  readonly prometheus: string;
}

export interface Ran {
  readonly commands: string;
  readonly output: string;
  /** The fence after it, where that shows what comes. */
  readonly promised: string | undefined;
}

export interface Outcome {
  readonly ran: readonly Ran[];
  /** What kubectl was asked, an argument list each time. */
  readonly asked: readonly (readonly string[])[];
}

/** @param shorten what would take long only to be read by people */
export async function runCommands(
  page: string,
  place: Place,
  shorten: (commands: string) => string,
): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-page-'));
  const asked = join(dir, 'asked');
  const log = join(dir, 'log');
  const commands = join(dir, 'commands');
  const auth = join(dir, 'auth');
  const sheet = join(dir, 'usa.txt');
  try {
    const fences = fencesOf(page);
    const steps = fences.flatMap((fence, i) =>
      fence.language === 'sh' ? [{ fence, next: fences[i + 1] }] : [],
    );
    const { service, redis, password, prometheus } = place;
    const text = steps.map(({ fence }) => `${fence.text}echo '${END}'\n`).join('');
    // The service of the test has one port for everything.
    const script = shorten(text).replaceAll(/http:\/\/127\.0\.0\.1:800[01]/g, service.url);
    await writeFile(log, service.logs.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await writeFile(asked, '');
    await writeFile(sheet, await currentSheet());
    await writeFile(auth, 'Authorization: Bearer rct_of-the-operator');
    await writeFile(commands, script);
    const { stdout } = await promisify(execFile)('bash', ['-c', '. test/docs/stubs.sh && . "$0"', commands], {
      cwd: ROOT,
      env: {
        PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
        HOME: dir,
        PORT: String(service.port),
        PROMETHEUS: prometheus,
        RATECACHE_TOKEN: 'rct_of-the-operator',
        AUTH: auth,
        REDIS_REPLICA: '127.0.0.1',
        WARMUP_FILE: sheet,
        TEST_REDIS_PORT: String(redis.port),
        TEST_REDIS_PASSWORD: password,
        ASKED: asked,
        LOG: log,
      },
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stderr}\nafter:\n${error.stdout.slice(-2000)}`);
    });
    const outputs = stdout.split(`${END}\n`);
    return {
      ran: steps.map(({ fence, next }, i) => ({
        commands: fence.text,
        output: outputs[i] ?? '',
        promised: promisedBy(next),
      })),
      asked: (await readFile(asked, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('\t').slice(0, -1)),
    };
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** The excerpt of the short-stock file as the broker would publish it now: an old file is refused. */
async function currentSheet(): Promise<string> {
  const text = await readFile(join(ROOT, 'test/data/ibkr-usa-2017-09-27.txt'), 'utf8');
  const now = new Date().toLocaleString('sv-SE', { timeZone: 'America/New_York' });
  return text.replace(/^#BOF.*/, `#BOF|${now.replaceAll('-', '.').replace(' ', '|')}`);
}

function promisedBy(next: Fence | undefined): string | undefined {
  return next?.language === 'text' ? next.text : undefined;
}

/** The first line that was promised and did not come, in their order. Numbers, versions and sizes may differ. */
export function missingLine(promised: string, output: string): string | undefined {
  const lines = output.split(/\r?\n/);
  let at = 0;
  for (const line of promised.split('\n').filter(Boolean)) {
    const shape = new RegExp(`^${shapeOf(line)}$`);
    const found = lines.findIndex((each, i) => i >= at && shape.test(each));
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}

/** The machine decides which addon is loaded. */
const ADDON = /"addon":\{[^}]*\}/;
const ANY_ADDON = '"addon":\\{"version":"[^"]+","package":"[^"]+","sha256":"[0-9a-f]{64}"\\}';

function shapeOf(line: string): string {
  return line.split(ADDON).map(shapeOfRest).join(ANY_ADDON);
}

function shapeOfRest(line: string): string {
  return line
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/[0-9a-f]{24}|\d+(\\?\.\d+)*[KMG]?/g, (number) =>
      number.length === 24 ? '[0-9a-f]{24}' : '[\\d.]+[KMG]?',
    );
}
