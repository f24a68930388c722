// The first line of the page: is anyone in danger?

import { clock } from '../text/format.ts';
import { n, t } from '../text/text.ts';
import { goOffDuty, goOnDuty, silence, sound } from './duty.ts';
import { CalmIcon, Glyph, HandIcon, Mark, PriorityIcon, UnknownIcon } from './icons.tsx';
import { asOf, asOfText, board, counts, followedAt, helping, me, mode, now, proved, signOut } from './state.ts';
import { LangSwitch, ThemeSwitch } from './switches.tsx';

export function StateBar() {
  const { danger, grave, taken, silent, total } = counts.value;
  const sure = mode.value === 'LIVE' || mode.value === 'POLLING';
  const known = asOf.value !== null;
  const tone: Tone =
    grave > 0 ? 'danger' : danger > 0 ? 'mild' : !known || !sure ? 'unsure' : taken > 0 ? 'taken' : 'calm';
  return (
    <header class={`statebar ${tone}`}>
      <div class="brand" title={me.value?.orgName ?? ''}>
        <Mark />
        <span>Solewatch</span>
      </div>
      <div class="verdict">
        <VerdictIcon tone={tone} />
        <div>
          <h1>{verdict(danger, taken, sure, known)}</h1>
          <p>
            {known && n('web.bar.people', total)}
            {danger > 0 && taken > 0 && ` · ${n('web.bar.taken', taken)}`}
            {silent > 0 && ` · ${n('web.bar.silent', silent)}`}
          </p>
        </div>
      </div>
      <div class="instruments">
        <ModeChip />
        <DutyButton />
        <a class="button quiet tool" href="#/p/menu" aria-label={t('web.more.open')} title={t('web.more.open')}>
          <Glyph name="menu" />
        </a>
        <LangSwitch />
        <ThemeSwitch />
        <button type="button" class="quiet tool" aria-label={t('web.help.open')} onClick={() => (helping.value = true)}>
          <Glyph name="help" />
        </button>
        <button
          type="button"
          class="quiet tool"
          aria-label={t('web.signout', { name: me.value?.name ?? '' })}
          title={me.value?.name}
          onClick={() => void signOut()}
        >
          <Glyph name="exit" />
        </button>
      </div>
    </header>
  );
}

type Tone = 'danger' | 'mild' | 'unsure' | 'taken' | 'calm';

function VerdictIcon(p: { tone: Tone }) {
  switch (p.tone) {
    case 'danger':
      return <PriorityIcon priority={1} size={34} />;
    case 'mild':
      return <PriorityIcon priority={3} size={34} />;
    case 'unsure':
      return <UnknownIcon size={34} />;
    case 'taken':
      return <HandIcon size={34} />;
    case 'calm':
      return <CalmIcon size={34} />;
  }
}

// What was true at the last sight of it is told as past, never as present.
function verdict(danger: number, taken: number, sure: boolean, known: boolean): string {
  if (!known) return t('web.bar.unknown');
  if (danger > 0) return n('web.bar.danger', danger);
  if (!sure) {
    const then = clock(asOf.value ?? 0);
    return taken > 0 ? n('web.bar.wasTaken', taken, { clock: then }) : t('web.bar.wasCalm', { clock: then });
  }
  return taken > 0 ? n('web.bar.allTaken', taken) : t('web.bar.calm');
}

function ModeChip() {
  const m = mode.value;
  return (
    <span class={`chip mode-${m}`} id="mode" data-mode={m}>
      <span class="lamp" aria-hidden="true" />
      <span>{t(`web.mode.${m}`)}</span>
      {now.value !== null && m === 'LIVE' && <span class="figures wide-only">{clock(now.value)}</span>}
    </span>
  );
}

function DutyButton() {
  const s = sound.value;
  switch (s) {
    case 'off':
    case 'blocked':
      return (
        <button type="button" class="duty off" data-sound={s} onClick={() => void goOnDuty()}>
          <Glyph name="mute" />
          <span>{t(s === 'off' ? 'web.duty.off' : 'web.duty.blocked')}</span>
          <span class="wide-only">{t('web.duty.go')}</span>
        </button>
      );
    case 'silenced':
      return (
        <button
          type="button"
          class="duty silenced"
          data-sound={s}
          onClick={() => void goOnDuty().then(() => undefined)}
        >
          <Glyph name="mute" />
          <span>{t('web.duty.silenced')}</span>
        </button>
      );
    case 'on': {
      const ringing = counts.value.danger > 0;
      return (
        <button type="button" class="duty on" data-sound={s} onClick={() => (ringing ? silence() : void goOffDuty())}>
          <Glyph name="sound" />
          <span>{t(ringing ? 'web.duty.silence' : 'web.duty.on')}</span>
        </button>
      );
    }
    default:
      s satisfies never;
      return null;
  }
}

const beginningMs = 4_000;

// The banner is there whenever the page is not live, and says what it still may be used for.
export function ModeBanner() {
  const m = mode.value;
  if (m === 'LIVE' || (m === 'RESYNC' && board.value.workers.size === 0)) return null;
  // The first seconds are no failure: the socket is still on its way.
  if (m !== 'UNAVAILABLE' && performance.now() - followedAt.value < beginningMs) return null;
  const why =
    m === 'UNAVAILABLE'
      ? 'web.banner.UNAVAILABLE'
      : m === 'POLLING'
        ? 'web.banner.POLLING'
        : m === 'RESYNC'
          ? 'web.banner.RESYNC'
          : 'web.banner.RECONNECTING';
  return (
    <div class={`banner banner-${m}`} role="status">
      <strong>{m === 'UNAVAILABLE' ? `${t('web.mode.UNAVAILABLE')} · ${asOfText()}` : asOfText()}</strong>
      <span>{t(why)}</span>
      {proved.value !== null && <span id="proved">{proved.value}</span>}
    </div>
  );
}
