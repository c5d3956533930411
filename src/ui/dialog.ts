/** Questions before a change. */
import { button, element } from './dom.ts';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** The button that makes the change. */
  readonly action: string;
  /** Inputs of the change. */
  readonly fields?: readonly HTMLElement[];
}

/**
 * Asks whether to make a change. The safe answer has the focus. Each question has a dialog of its own: a browser reports
 * the end of a dialog with the next frame, and by then the next question may be open.
 */
export function confirmed({ title, text, action, fields = [] }: Question): Promise<boolean> {
  const cancel = button('Cancel', () => dialog.close(), { autofocus: fields.length === 0 });
  const act = element('button', { type: 'submit', class: 'danger' }, action);
  const form = element(
    'form',
    { method: 'dialog' },
    element('h2', { class: 'question' }, title),
    element('p', {}, text),
    ...fields,
    element('div', { class: 'buttons' }, cancel, act),
  );
  const dialog = element('dialog', { 'aria-label': title }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    form.addEventListener('submit', () => resolve(true));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(false);
    });
  });
}

/** An input with its label. */
export function field<T extends HTMLInputElement | HTMLSelectElement>(text: string, input: T): HTMLElement {
  return element('label', { class: 'field' }, element('span', {}, text), input);
}

export function select(options: Readonly<Record<string, string>>, attributes = {}): HTMLSelectElement {
  const made = element('select', attributes);
  made.append(...Object.entries(options).map(([value, text]) => element('option', { value }, text)));
  return made;
}
