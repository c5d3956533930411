import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import type { Progress } from '../../src/warmup/load.ts';
import { progressView } from '../../src/warmup/progress.ts';
import { emptySummary } from '../../src/warmup/summary.ts';

test('outside a terminal at most one plain line is printed per second', () => {
  const stream = new Screen();
  let time = 0;
  const view = progressView({ stream, now: () => time });
  for (time = 0; time < 3000; time += 10)
    view.show(progress({ read: time, stored: time, consumed: time, size: 3000 }));
  view.stop();
  assert.equal(stream.text, 'warm-up: 33% 1000 read, 1000 stored\nwarm-up: 66% 2000 read, 2000 stored\n');
});

test('a plain line has the kept, failed and unreadable records, and no share when the size is unknown', () => {
  const stream = new Screen();
  let time = 0;
  const view = progressView({ stream, now: () => time });
  time = 1000;
  view.show(progress({ read: 9, stored: 5, kept: 1, failed: 3, faultCount: 2 }));
  assert.equal(stream.text, 'warm-up: 9 read, 5 stored, 1 kept, 3 failed, 2 unreadable\n');
});

test('a bar is drawn on a terminal, and the cursor is restored', () => {
  const stream = new Screen(true);
  const view = progressView({ stream });
  view.show(progress({ read: 10, stored: 10, consumed: 50, size: 100 }));
  view.show(progress({ read: 20, stored: 20, consumed: 100, size: 100 }));
  view.stop();
  assert.match(stream.text, /█/);
  assert.match(stream.text, /100% \| 20 read, 20 stored/);
  assert.ok(stream.text.lastIndexOf('\u001b[?25h') > stream.text.lastIndexOf('\u001b[?25l'));
  assert.ok(stream.text.endsWith('\n'));
});

test('quiet prints nothing, on a terminal or elsewhere', () => {
  for (const terminal of [true, false]) {
    const stream = new Screen(terminal);
    let time = 0;
    const view = progressView({ stream, quiet: true, now: () => time });
    time = 5000;
    view.show(progress({ read: 1, consumed: 1, size: 2 }));
    view.stop();
    assert.equal(stream.text, '');
  }
});

test('a view that printed nothing stops without output', () => {
  const stream = new Screen(true);
  progressView({ stream }).stop();
  assert.equal(stream.text, '');
});

class Screen extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 200;

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

function progress(parts: Partial<Progress>): Progress {
  return { ...emptySummary(), consumed: 0, size: 0, ...parts };
}
