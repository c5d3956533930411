/** Subcommands on a real terminal, which `script` of util-linux provides. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { program } from '../../loadtest/target/program.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { get, put } from '../support/client.ts';

let service: Service;

before(async () => {
  service = await startService({ standalone: true, env: PATIENT });
});

after(() => service?.stop());

const SIZES = [
  [80, 24],
  [200, 60],
] as const;

interface Typing {
  /** Typed when the output contains `prompt`. */
  readonly answer?: string;
  /** By default a question mark. */
  readonly prompt?: string;
  readonly env?: Record<string, string>;
}

/** Runs a subcommand on a terminal of this size. */
async function onTerminal(
  [columns, rows]: readonly [number, number],
  args: string[],
  { answer, prompt = '?', env = {} }: Typing = {},
) {
  const invocation = program(args[0]!, '--url', service.url, ...args.slice(1));
  const words = [invocation.command, ...invocation.args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const line = `stty cols ${columns} rows ${rows}; exec ${words.join(' ')}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  tether(child);
  let text = '';
  let isAnswered = false;
  child.stdout.on('data', (chunk) => {
    text += chunk;
    if (answer === undefined || isAnswered || !text.includes(prompt)) return;
    isAnswered = true;
    child.stdin.write(answer);
  });
  const [code] = await once(child, 'close');
  return { code, text, lines: stripVTControlCharacters(text).split(/\r?\n/) };
}

for (const size of SIZES) {
  test(`on a terminal of ${size.join('x')}, get, mget, keys and stats print text that fits`, async () => {
    await put(service, 'borrow_rate:A', '{"rate":0.25}');
    const read = await onTerminal(size, ['get', 'borrow_rate:A']);
    assert.equal(read.code, 0);
    assert.equal(read.lines[0], '{"rate":0.25}');
    for (const args of [['mget', 'borrow_rate:A'], ['keys'], ['stats']]) {
      const { code, lines } = await onTerminal(size, args);
      assert.equal(code, 0);
      assert.ok(!lines[0]!.startsWith('{'), lines[0]);
      for (const line of lines) assert.ok(line.length <= size[0], line);
    }
  });
}

for (const size of SIZES) {
  test(`on a terminal of ${size.join('x')}, explain fits, and top repaints until q and restores the terminal`, async () => {
    await put(service, 'borrow_rate:A', '{"rate":0.25}');
    const explained = await onTerminal(size, ['explain', 'borrow_rate:A']);
    assert.equal(explained.code, 0);
    assert.match(explained.lines[0]!, /^borrow_rate:A \(borrow_rate\) at /);
    for (const line of explained.lines) assert.ok(line.length <= size[0], line);

    const args = ['top', '--every', '0.2'];
    const { code, text } = await onTerminal(size, args, { prompt: ' s  q quits', answer: 'q' });
    assert.equal(code, 0);
    const [before, painted, after] = text.replace('\u001b[?1049l', '\u001b[?1049h').split('\u001b[?1049h');
    assert.deepEqual([before, after!.trim()], ['', ''], 'everything is painted on the alternate screen');
    for (const screen of painted!.split('\u001b[H').slice(1)) {
      // The terminal makes \r\r\n of \r\n.
      const lines = stripVTControlCharacters(screen).trimEnd().split(/\r+\n/);
      assert.ok(lines.length <= size[1], `${lines.length} lines`);
      assert.match(lines[0]!, /^ratecache http:\S+ .* standalone .* q quits$/);
      assert.ok(lines.some((line) => line.includes('  most-missed keys')));
      for (const line of lines) assert.ok(line.length <= size[0], line);
    }
  });
}

test('top ends with Ctrl-C, and NO_COLOR turns its colours off', async () => {
  const { code, text } = await onTerminal(SIZES[0], ['top', '--every', '0.2'], {
    prompt: ' s  q quits',
    answer: '\u0003',
    env: { NO_COLOR: '1' },
  });
  assert.equal(code, 0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  assert.doesNotMatch(text, /\u001b\[\d*m/);
});

test('NO_COLOR turns colours off', async () => {
  await put(service, 'borrow_rate:A', '1');
  assert.ok((await onTerminal(SIZES[0], ['get', 'borrow_rate:A'])).text.includes('\u001b['));
  const plain = await onTerminal(SIZES[0], ['get', 'borrow_rate:A'], { env: { NO_COLOR: '1' } });
  assert.ok(!plain.text.includes('\u001b['), plain.text);
});

test('flush deletes only after the answer yes', async () => {
  await put(service, 'borrow_rate:A', '1');
  const refused = await onTerminal(SIZES[0], ['flush'], { answer: 'no\r' });
  assert.equal(refused.code, 6);
  assert.ok(refused.lines.some((line) => line.includes('nothing was deleted')));
  const ended = await onTerminal(SIZES[0], ['flush'], { answer: '\u0004' });
  assert.equal(ended.code, 6);
  assert.equal((await get(service, 'borrow_rate:A')).status, 200);
  assert.equal((await onTerminal(SIZES[0], ['flush'], { answer: 'yes\r' })).code, 0);
  assert.equal((await get(service, 'borrow_rate:A')).status, 404);
});
