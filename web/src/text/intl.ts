// Formatters of the platform, made once for each language: making one costs more than all it will ever format.
import { type Lang, lang } from './text.ts';

function once<F>(make: (l: Lang) => F): () => F {
  const made = new Map<Lang, F>();
  return () => {
    const l = lang.value;
    const had = made.get(l);
    if (had !== undefined) return had;
    const fresh = make(l);
    made.set(l, fresh);
    return fresh;
  };
}

export const whole = once((l) => new Intl.NumberFormat(l));
export const tenths = once((l) => new Intl.NumberFormat(l, { maximumFractionDigits: 1 }));
export const degrees = once((l) => new Intl.NumberFormat(l, { minimumFractionDigits: 5, maximumFractionDigits: 5 }));
export const seconds = once(
  (l) => new Intl.DateTimeFormat(l, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }),
);
export const day = once((l) => new Intl.DateTimeFormat(l, { day: 'numeric', month: 'short' }));
export const minutes = once((l) => new Intl.DateTimeFormat(l, { hour: '2-digit', minute: '2-digit', hour12: false }));
