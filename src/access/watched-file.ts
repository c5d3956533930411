import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** How long a change may stay unnoticed that no notification reports, for example on a network file system. */
const POLL_MS = 10_000;

/** Kubernetes replaces all files of a volume at once by replacing this link next to them. */
const KUBERNETES_LINK = '..data';

/**
 * A file whose changes are reported: writes in place, atomic replacement, and the swap of a link of a Kubernetes volume.
 * The watch is on the directory, because a watch on the file would follow the replaced file. Contents are compared, so
 * one change is reported once.
 */
export class WatchedFile {
  /** The content at the start. */
  readonly initial: string;
  readonly #path: string;
  readonly #onChange: (read: () => string) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #watcher: FSWatcher | undefined;
  /** The content at the last look, or the error of that look. */
  #seen: string;

  /**
   * @param onChange is called for each change of the content. Its argument returns the new content, or throws the error
   * of a file that cannot be read.
   * @throws the error of a file that cannot be read at the start
   */
  constructor(path: string, onChange: (read: () => string) => void, pollMs = POLL_MS) {
    this.#path = path;
    this.#onChange = onChange;
    this.initial = readFileSync(path, 'utf8');
    this.#seen = this.initial;
    this.#watcher = watcherOf(path, () => this.check());
    this.#timer = setInterval(() => this.check(), pollMs).unref();
  }

  /** Reads the file now, and reports a change. */
  check(): void {
    let seen: string;
    let read: () => string;
    try {
      const text = readFileSync(this.#path, 'utf8');
      seen = text;
      read = () => text;
    } catch (error) {
      seen = String(error);
      read = () => {
        throw error;
      };
    }
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#onChange(read);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }
}

/** Returns undefined when the system has no watch left. Polling then finds every change. */
function watcherOf(path: string, onEvent: () => void): FSWatcher | undefined {
  const name = basename(path);
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_, changed) => {
      if (changed === name || changed === KUBERNETES_LINK) onEvent();
    });
    return watcher.on('error', () => watcher.close());
  } catch {
    return undefined;
  }
}
