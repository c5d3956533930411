/** Lists that change while a reader is in them. */
import { setText, type Table } from './dom.ts';

/**
 * Whether a row has the focus. The rows must stay then. A button whose key changes under the focus would open another
 * key than the reader chose.
 */
export class Hold {
  readonly #rows: HTMLElement;

  /** @param left called after the focus has left the rows */
  constructor({ body, caption }: Table, left: () => void) {
    this.#rows = body;
    const name = caption.textContent;
    const changed = () => {
      // Short: a caption that wraps would move the row away from the mouse that has just pressed it.
      setText(caption, this.on ? `${name} – paused` : name);
      if (!this.on) left();
    };
    body.addEventListener('focusin', changed);
    // Later: the focus may move to another row, or the window alone may lose it.
    body.addEventListener('focusout', () => setTimeout(changed));
  }

  get on(): boolean {
    return this.#rows.contains(document.activeElement);
  }
}
