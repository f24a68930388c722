// The dialogs: how an alarm ended, and what the keys do.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Key, t, word } from '../text/text.ts';
import { Glyph } from './icons.tsx';
import { board, busy, canChange, helping, resolve, resolving } from './state.ts';

export function Dialog(p: { label: string; onClose: () => void; children: ComponentChildren }) {
  const self = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = self.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={self} aria-label={p.label} onClose={p.onClose}>
      <div class="dialog-head">
        <h2>{p.label}</h2>
        <button type="button" class="quiet tool" aria-label={t('web.close')} onClick={p.onClose}>
          <Glyph name="close" />
        </button>
      </div>
      {p.children}
    </dialog>
  );
}

const reasons = ['real', 'false', 'test', 'drill', 'other'] as const;
const noteMax = 1000;

export function ResolveDialog() {
  const id = resolving.value;
  const alarm = id === null ? undefined : board.value.alarms.get(id);
  const [reason, setReason] = useState<(typeof reasons)[number] | null>(null);
  const [note, setNote] = useState('');
  useEffect(() => {
    setReason(null);
    setNote('');
    // Somebody else ended it meanwhile.
    if (id !== null && !alarm) resolving.value = null;
  }, [id, alarm === undefined]);
  if (!alarm) return null;
  const close = () => {
    resolving.value = null;
  };
  async function submit(e: Event): Promise<void> {
    e.preventDefault();
    if (alarm && reason && (await resolve(alarm, reason, note.trim()))) close();
  }
  return (
    <Dialog
      label={t('web.resolve.title', { kind: word('alarm.kind', alarm.kind), name: alarm.workerName })}
      onClose={close}
    >
      <form onSubmit={(e) => void submit(e)}>
        <fieldset class="reasons">
          <legend>{t('web.resolve.reason')}</legend>
          {reasons.map((r) => (
            <label key={r}>
              <input
                type="radio"
                name="reason"
                value={r}
                required
                checked={reason === r}
                onChange={() => setReason(r)}
              />
              <span>{word('web.reason', r)}</span>
            </label>
          ))}
        </fieldset>
        <label class="field">
          <span>{t('web.resolve.note')}</span>
          <textarea rows={3} maxLength={noteMax} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
        </label>
        <div class="acts end">
          <button type="button" class="plain" onClick={close}>
            {t('web.cancel')}
          </button>
          <button
            type="submit"
            class="primary"
            disabled={reason === null || !canChange.value || busy.value.has(alarm.id)}
          >
            {t('web.resolve')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const keyHelp: readonly (readonly [string, Key])[] = [
  ['J', 'web.help.j'],
  ['K', 'web.help.k'],
  ['Enter', 'web.help.enter'],
  ['A', 'web.help.a'],
  ['R', 'web.help.r'],
  ['/', 'web.help.slash'],
  ['Esc', 'web.help.esc'],
  ['?', 'web.help.question'],
];

export function HelpDialog() {
  if (!helping.value) return null;
  return (
    <Dialog
      label={t('web.help.title')}
      onClose={() => {
        helping.value = false;
      }}
    >
      <dl class="keys">
        {keyHelp.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
      <p class="sub">{t('web.help.shapes')}</p>
    </Dialog>
  );
}
