// What proves that alarms still reach phones: the canary wearer's last call. It is asked for while the store can be reached, so that the page knows the
// last truth when it cannot; and it is told only while it is younger than two of the canary's periods.
import { effect } from '@preact/signals';
import { ask } from '../api/client.ts';
import { type Decoder, flag, integer, object, oneOf } from '../api/decode.ts';
import { ago } from '../text/format.ts';
import { t } from '../text/text.ts';
import { me, mode, now, proved } from '../ui/state.ts';

export interface Canary {
  readonly lastAtMs: number;
  readonly pageMs: number;
  readonly everyMs: number;
  readonly late: boolean;
}

export const canary: Decoder<Canary> = object({ lastAtMs: integer, pageMs: integer, everyMs: integer, late: flag });

// says whether the canary's last call still proves anything at the server's time `at`.
export function proves(c: Canary | null, at: number | null): c is Canary {
  return c !== null && at !== null && !c.late && c.pageMs > 0 && at - c.lastAtMs < 2 * c.everyMs;
}

const status = object({ store: oneOf(['ok', 'away']) }, { canary });
const everyMs = 120_000;
let last: Canary | null = null;
let watching = false;

async function look(): Promise<void> {
  if (me.value === null) return;
  try {
    const { value } = await ask('GET', '/api/status', status, undefined, 5_000);
    if (value.store === 'ok') last = value.canary ?? null;
  } catch {
    // What was true is still what is known last.
  }
}

// watch begins once, and goes on for as long as the page is open.
export function watch(): void {
  if (watching) return;
  watching = true;
  void look();
  setInterval(() => void look(), everyMs);
  effect(() => {
    const at = now.value;
    proved.value =
      mode.value === 'UNAVAILABLE' && proves(last, at)
        ? t('web.banner.proved', { ago: ago((at ?? 0) - last.lastAtMs) })
        : null;
  });
}
