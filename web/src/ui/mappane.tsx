// The place of the map. The map itself is fetched after the list is there, and may fail without taking it along.

import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { MapView } from '../map/map.ts';
import { t } from '../text/text.ts';
import { Crowd } from './graph.tsx';
import { alarmHref, go, workerHref } from './route.ts';
import { asOf, board, byWorker, chosen, chosenAlarm, mode, now, trail, view, zones } from './state.ts';
import { theme } from './theme.ts';

type Had = 'waiting' | 'there' | 'noWebGL' | 'failed';

const phone = matchMedia('(max-width: 759px)');

function hasWebGL(): boolean {
  try {
    return document.createElement('canvas').getContext('webgl2') !== null;
  } catch {
    return false;
  }
}

export function MapPane() {
  const place = useRef<HTMLDivElement>(null);
  const [had, setHad] = useState<Had>('waiting');
  const wanted = asOf.value !== null && (!phone.matches || view.value === 'map');
  useEffect(() => {
    const div = place.current;
    if (!wanted || had !== 'waiting' || !div) return undefined;
    if (!hasWebGL()) {
      setHad('noWebGL');
      return undefined;
    }
    let gone = false;
    let map: MapView | null = null;
    let unwatch: (() => void) | null = null;
    import('../map/map.ts').then(
      ({ openMap }) => {
        if (gone) return;
        map = openMap(div, {
          worker: (id) => go(workerHref(id)),
          alarm: (id) => go(alarmHref(id)),
          broken: () => setHad('failed'),
          ready: () => setHad('there'),
        });
        const shown = map;
        unwatch = effect(() => {
          shown.show({
            board: board.value,
            byWorker: byWorker.value,
            zones: zones.value,
            // Ages change the look of a mark in minutes; every 5 s is often enough.
            nowMs: Math.floor((now.value ?? 0) / 5_000) * 5_000,
            chosen: chosen.value?.worker ?? null,
            chosenAlarm: chosenAlarm.value?.id ?? null,
            trail: trail.value?.positions ?? null,
            dark: theme.value === 'dark',
            stale: mode.value === 'UNAVAILABLE',
          });
        });
      },
      () => {
        if (!gone) setHad('failed');
      },
    );
    return () => {
      gone = true;
      unwatch?.();
      map?.close();
    };
  }, [wanted]);
  return (
    <div class={`map ${had}`} data-map={had}>
      <div class="map-canvas" ref={place} />
      {had !== 'there' && (
        <div class="map-says">
          <p role={had === 'waiting' ? undefined : 'status'}>
            {t(had === 'noWebGL' ? 'web.map.noWebGL' : had === 'failed' ? 'web.map.failed' : 'web.map.waiting')}
          </p>
          {had !== 'waiting' && (
            <Crowd board={board.value} nowMs={now.value ?? 0} chosen={chosen.value?.worker ?? null} />
          )}
        </div>
      )}
    </div>
  );
}
