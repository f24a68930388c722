// The keyboard: J and K go through alarms and people, A takes charge, R resolves, / searches, ? explains.

import type { Alarm } from '../api/feed.ts';
import { unattended } from '../state/ring.ts';
import { go, route } from './route.ts';
import { alarms, byWorker, canChange, chosenAlarm, cursor, helping, people, resolving, take } from './state.ts';

export function keys(e: KeyboardEvent): void {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  const at = e.target instanceof HTMLElement ? e.target : null;
  const typing = at !== null && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
  if (document.querySelector('dialog[open]')) return;
  if (e.key === 'Escape') {
    if (typing) at?.blur();
    else if (route.value.page !== 'board') go('#/');
    return;
  }
  // What the keys are about is not seen on other pages.
  if (typing || route.value.page === 'more' || !document.getElementById('board')) return;
  switch (e.key) {
    case 'j':
    case 'J':
      move(1);
      break;
    case 'k':
    case 'K':
      move(-1);
      break;
    case 'a':
    case 'A': {
      const alarm = meant(unattended);
      if (alarm) void take(alarm);
      break;
    }
    case 'r':
    case 'R': {
      const alarm = meant(() => true);
      if (alarm && canChange.value) resolving.value = alarm.id;
      break;
    }
    case '/':
      document.getElementById('search')?.focus();
      break;
    case '?':
      helping.value = true;
      break;
    default:
      return;
  }
  e.preventDefault();
}

function move(by: number): void {
  const ids = [...alarms.value.map((a) => a.id), ...people.value.map((l) => l.worker.worker)];
  const was = cursor.value === null ? -1 : ids.indexOf(cursor.value);
  const next = ids[was < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, was + by))];
  if (next !== undefined) cursor.value = next;
}

// meant is the alarm that A or R is about: the one the cursor is at, the one whose page is open, or the first that fits.
function meant(fits: (alarm: Alarm) => boolean): Alarm | undefined {
  const id = cursor.value;
  if (id !== null) {
    const here = alarms.value.find((a) => a.id === id) ?? byWorker.value.get(id)?.find(fits);
    if (here) return fits(here) ? here : undefined;
  }
  const open = chosenAlarm.value;
  if (open && fits(open)) return open;
  return alarms.value.find(fits);
}
