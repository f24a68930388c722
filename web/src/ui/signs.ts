// What is seen of the page when it is not looked at: title, favicon, badge, and the sound that goes on.
import { effect } from '@preact/signals';
import { loud, unattended } from '../state/ring.ts';
import { t, word } from '../text/text.ts';
import { keepRinging } from './duty.ts';
import { alarms, board, mode, session } from './state.ts';

export function titleOf(): string {
  if (session.value.is !== 'in') return 'Solewatch';
  const open = alarms.value.filter(unattended);
  const first = open[0];
  if (first) return `(${open.length}) ${word('alarm.kind', first.kind)} ${first.workerName} · Solewatch`;
  if (mode.value === 'UNAVAILABLE') return `${t('web.mode.UNAVAILABLE')} · Solewatch`;
  return 'Solewatch';
}

export function signs(): void {
  effect(() => {
    document.title = titleOf();
  });
  effect(() => {
    const open = session.value.is === 'in' ? alarms.value.filter(unattended).length : 0;
    const icon =
      open > 0
        ? 'alarm'
        : session.value.is === 'in' && mode.value !== 'LIVE' && mode.value !== 'POLLING'
          ? 'unknown'
          : 'calm';
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]');
    const href = `/icon-${icon}.svg`;
    if (link && link.getAttribute('href') !== href) link.setAttribute('href', href);
    if ('setAppBadge' in navigator)
      void (open > 0 ? navigator.setAppBadge(open) : navigator.clearAppBadge()).catch(() => undefined);
  });
  setInterval(() => keepRinging(session.value.is === 'in' && loud(board.value)), 500);
}
