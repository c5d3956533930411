import { SingleBar } from 'cli-progress';
import type { Progress } from './load.ts';

/** Minimum time between two plain lines, in milliseconds. */
const LINE_INTERVAL_MS = 1000;

export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface ProgressView {
  /** For `onProgress` of `load`. */
  show(progress: Progress): void;
  /** Ends the display, so that later output begins on a new line. */
  stop(): void;
}

export interface ProgressOptions {
  /** Disables all output. */
  readonly quiet?: boolean;
  /** Default `process.stderr`, because standard output is for the summary. */
  readonly stream?: ProgressStream;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

/**
 * Shows the progress of a load: a bar on a terminal if the size is known, otherwise at most one plain line a second.
 */
export function progressView(options: ProgressOptions = {}): ProgressView {
  const { quiet = false, stream = process.stderr, now = performance.now.bind(performance) } = options;
  if (quiet) return { show() {}, stop() {} };
  return stream.isTTY === true ? barView(stream, now) : lineView(stream, now);
}

function barView(stream: ProgressStream, now: () => number): ProgressView {
  const bar = new SingleBar({
    stream,
    format: 'warm-up {bar} {percentage}% | {counts}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
  });
  const lines = lineView(stream, now);
  let begun = false;
  return {
    show(progress) {
      if (progress.size === 0) return lines.show(progress);
      const payload = { counts: counts(progress) };
      if (begun) return bar.update(progress.consumed, payload);
      begun = true;
      bar.start(progress.size, progress.consumed, payload);
    },
    stop() {
      if (begun) bar.stop();
    },
  };
}

function lineView(stream: ProgressStream, now: () => number): ProgressView {
  let last = now();
  return {
    show(progress) {
      if (now() - last < LINE_INTERVAL_MS) return;
      last = now();
      const share = progress.size === 0 ? '' : `${Math.floor((100 * progress.consumed) / progress.size)}% `;
      stream.write(`warm-up: ${share}${counts(progress)}\n`);
    },
    stop() {},
  };
}

function counts({ read, stored, kept, pending, failed, faultCount, conflictCount }: Progress): string {
  const parts = [`${read} read`, `${stored} stored`];
  if (kept > 0) parts.push(`${kept} kept`);
  if (pending > 0) parts.push(`${pending} pending`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (faultCount > 0) parts.push(`${faultCount} unreadable`);
  if (conflictCount > 0) parts.push(`${conflictCount} in conflict`);
  return parts.join(', ');
}
