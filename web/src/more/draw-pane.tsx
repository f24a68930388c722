// An area drawn on the map, corner by corner. Typing does the same where there is no map: see admin/ring.ts.
import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Drawing } from '../map/map.ts';
import { t } from '../text/text.ts';
import { board, zones as shownZones } from '../ui/state.ts';
import { theme } from '../ui/theme.ts';
import type { Ring } from './admin/nouns.ts';
import { sideNear } from './admin/ring.ts';

export function DrawPane(p: {
  ring: Ring; // not closed
  danger: boolean;
  but: string; // the zone that is drawn; '' when it is none
  wrong: readonly number[]; // corners that the server refused
  may: () => boolean; // whether anything may be changed now
  onRing: (ring: Ring) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [broken, setBroken] = useState(false);
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const last = useRef(p);
  last.current = p;
  useEffect(() => {
    const div = place.current;
    if (!div) return undefined;
    let gone = false;
    let opening: Drawing | null = null;
    import('../map/map.ts').then(
      ({ openDrawing }) => {
        if (gone) return;
        try {
          opening = openDrawing(
            div,
            {
              'Map.Title': t('more.zones.map'),
              'NavigationControl.ZoomIn': t('web.map.in'),
              'NavigationControl.ZoomOut': t('web.map.out'),
            },
            somewhere(),
            {
              add: (at) => {
                const { ring, onRing } = last.current;
                const after = sideNear(ring, at);
                onRing([...ring.slice(0, after + 1), at, ...ring.slice(after + 1)]);
              },
              move: (i, to) => last.current.onRing(last.current.ring.map((c, j) => (j === i ? to : c))),
              remove: (i) => last.current.onRing(last.current.ring.filter((_, j) => j !== i)),
              name: (i, at) => t('more.zones.corner', { n: i + 1, lat: at[1].toFixed(5), lon: at[0].toFixed(5) }),
              broken: () => setBroken(true),
            },
          );
          setDrawing(opening);
        } catch {
          setBroken(true);
        }
      },
      () => setBroken(true),
    );
    return () => {
      gone = true;
      opening?.close();
    };
  }, []);
  useEffect(() => {
    if (drawing === null) return undefined;
    return effect(() => {
      drawing.show({
        ring: p.ring,
        danger: p.danger,
        others: shownZones.value.filter((z) => z.zone !== p.but),
        wrong: p.wrong,
        dark: theme.value === 'dark',
        off: !p.may(),
      });
    });
  }, [drawing, p.ring, p.danger, p.but, p.wrong]);
  if (broken) return <p class="sub">{t('more.zones.noMap')}</p>;
  return (
    <div class="field">
      <p class="sub">{t('more.zones.drawHint')}</p>
      <div class="draw" ref={place} data-drawn={drawing === null ? 'no' : 'yes'} />
    </div>
  );
}

// A new zone begins where people are.
function somewhere(): readonly [number, number] | null {
  for (const w of board.value.workers.values())
    if (w.live?.lon !== undefined && w.live.lat !== undefined) return [w.live.lon, w.live.lat];
  return null;
}
