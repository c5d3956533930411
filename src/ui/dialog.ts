/** Questions before a change. */
import { button, byId, element } from './dom.ts';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** The button that makes the change. */
  readonly action: string;
  /** Inputs of the change. */
  readonly fields?: readonly HTMLElement[];
}

/** Asks whether to make a change. The safe answer has the focus. */
export function confirmed({ title, text, action, fields = [] }: Question): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('dialog');
  const cancel = button('Cancel', () => dialog.close('cancel'), { autofocus: fields.length === 0 });
  const act = element('button', { type: 'submit', class: 'danger' }, action);
  const form = element(
    'form',
    { method: 'dialog' },
    element('h2', { id: 'dialog-title' }, title),
    element('p', {}, text),
    ...fields,
    element('div', { class: 'buttons' }, cancel, act),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    dialog.close('act');
  });
  dialog.returnValue = 'cancel';
  dialog.replaceChildren(form);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'act'), { once: true }),
  );
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
