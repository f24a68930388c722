// The board: state bar, banner, alarms and people, map, one worker.

import { unattended } from '../state/ring.ts';
import { t } from '../text/text.ts';
import { Alarms } from './alarms.tsx';
import { HelpDialog, ResolveDialog } from './dialogs.tsx';
import { Glyph } from './icons.tsx';
import { MapPane } from './mappane.tsx';
import { MorePane } from './morepane.tsx';
import { Panel } from './panel.tsx';
import { go, route } from './route.ts';
import { alarms, asOf, canChange, chosen, mode, notice, spoken, take, view } from './state.ts';
import { ModeBanner, StateBar } from './statebar.tsx';
import { Workers } from './workers.tsx';

export function Board() {
  const known = asOf.value !== null;
  const r = route.value;
  const panel = r.page === 'worker' || r.page === 'alarm';
  return (
    <div
      id="board"
      class={`board mode-${mode.value} view-${view.value} ${panel ? 'with-panel' : ''}`}
      data-mode={mode.value}
    >
      <StateBar />
      <ModeBanner />
      {r.page === 'more' && <MorePane name={r.name} rest={r.rest} />}
      <main class="work" hidden={r.page === 'more'}>
        <div class="pane" id="list">
          {known ? (
            <>
              <Alarms />
              <Workers />
            </>
          ) : (
            <p class="empty">{t('web.loading')}</p>
          )}
        </div>
        <MapPane />
        {panel && <Panel key={r.id} worker={chosen.value} />}
      </main>
      <Thumb />
      <ResolveDialog />
      <HelpDialog />
      <p class="unseen" role="alert">
        {spoken.value}
      </p>
      <p class={`notice ${notice.value ? 'there' : ''} ${notice.value?.bad ? 'bad' : ''}`} role="status">
        {notice.value?.text}
      </p>
    </div>
  );
}

// A panel covers both on a phone, so looking at either closes it.
function look(at: 'list' | 'map'): void {
  view.value = at;
  go('#/');
}

// On a phone: the one thing to do, where the thumb is, and the way between list and map.
function Thumb() {
  const first = alarms.value.find(unattended);
  return (
    <nav class="thumb" aria-label={t('web.nav.title')}>
      {first && canChange.value && (
        <button type="button" class="primary take big" onClick={() => void take(first)}>
          {t('web.takeOf', { name: first.workerName })}
        </button>
      )}
      <div class="segments">
        <button type="button" aria-pressed={view.value === 'list'} onClick={() => look('list')}>
          <Glyph name="list" />
          {t('web.nav.list')}
        </button>
        <button type="button" aria-pressed={view.value === 'map'} onClick={() => look('map')}>
          <Glyph name="map" />
          {t('web.nav.map')}
        </button>
      </div>
    </nav>
  );
}
