// Who watches: the screens that somebody is on duty at, the teams that nobody watches, and for whom this screen counts.
import { useEffect } from 'preact/hooks';
import { ask } from '../api/client.ts';
import { type Decoder, flag, integer, list, object, text } from '../api/decode.ts';
import { clock, span } from '../text/format.ts';
import { n, t } from '../text/text.ts';
import { onDuty, sound, watch, watched } from '../ui/duty.ts';
import { CalmIcon, PriorityIcon, UnknownIcon } from '../ui/icons.tsx';
import { mode, teamName } from '../ui/state.ts';
import { Check, useGet } from './form.tsx';
import './status.css';
import './duty.css';

interface Console {
  readonly user: string;
  readonly name: string;
  readonly teams: readonly string[];
  readonly sound: boolean;
  readonly sinceMs: number;
  readonly heardMs: number;
}

interface TeamLine {
  readonly team: string;
  readonly name: string;
  readonly wanted: boolean;
  readonly afterS: number;
  readonly consoles: number;
  readonly unwatchedMs?: number;
  readonly alarm?: boolean;
}

interface Watching {
  readonly nowMs: number;
  readonly consoles: readonly Console[];
  readonly teams: readonly TeamLine[];
}

const watching: Decoder<Watching> = object({
  nowMs: integer,
  consoles: list(
    object({ user: text, name: text, teams: list(text), sound: flag, sinceMs: integer, heardMs: integer }),
  ),
  teams: list(
    object<Omit<TeamLine, 'unwatchedMs' | 'alarm'>, Pick<TeamLine, 'unwatchedMs' | 'alarm'>>(
      { team: text, name: text, wanted: flag, afterS: integer, consoles: integer },
      { unwatchedMs: integer, alarm: flag },
    ),
  ),
});

const everyMs = 15_000;
const soonMs = 1_000; // this screen's own word has reached the server by then

export default function DutyPage() {
  const { value, problem, again } = useGet(async () => (await ask('GET', '/api/duty', watching)).value, []);
  useEffect(() => {
    const id = setInterval(again, everyMs);
    return () => clearInterval(id);
  }, []);
  useEffect(() => {
    const id = setTimeout(again, soonMs);
    return () => clearTimeout(id);
  }, [sound.value, watched.value]);
  const stale = mode.value === 'UNAVAILABLE' || problem !== null;
  return (
    <div class="parts" data-stale={stale}>
      <Mine teams={value?.teams ?? []} />
      {value === null ? (
        <p role="status">{problem ?? t('web.loading')}</p>
      ) : (
        <>
          {stale && (
            <p class="wrong" role="status">
              {t('more.duty.stale', { clock: clock(value.nowMs) })}
            </p>
          )}
          <h3>{t('more.duty.consoles')}</h3>
          {value.consoles.length === 0 && <p>{t('more.duty.nobody')}</p>}
          <ul class="part-list" id="consoles">
            {value.consoles.map((c) => (
              <li class="part" key={`${c.user} ${c.sinceMs}`} data-sound={c.sound}>
                <p class="part-head">
                  {stale ? (
                    <UnknownIcon size={20} />
                  ) : c.sound ? (
                    <CalmIcon size={20} />
                  ) : (
                    <PriorityIcon priority={2} size={20} />
                  )}
                  <strong>{c.name || t('more.duty.gone')}</strong>
                  <span>{t(c.sound ? 'more.duty.armed' : 'more.duty.mute')}</span>
                </p>
                <p class="sub">
                  {t('more.duty.since', { clock: clock(c.sinceMs), span: span(value.nowMs - c.sinceMs) })} ·{' '}
                  {c.teams.length === 0 ? t('more.duty.all') : c.teams.map(teamName).join(', ')}
                </p>
              </li>
            ))}
          </ul>
          <h3>{t('more.duty.teams')}</h3>
          <ul class="part-list">
            {value.teams.map((x) => (
              <TeamDuty key={x.team} team={x} at={value.nowMs} stale={stale} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function TeamDuty(p: { team: TeamLine; at: number; stale: boolean }) {
  const { team } = p;
  const alone = team.unwatchedMs !== undefined;
  return (
    <li class="part" data-team={team.team} data-alone={alone}>
      <p class="part-head">
        {p.stale ? (
          <UnknownIcon size={20} />
        ) : alone ? (
          <PriorityIcon priority={2} size={20} />
        ) : team.consoles > 0 ? (
          <CalmIcon size={20} />
        ) : (
          <UnknownIcon size={20} />
        )}
        <strong>{team.name}</strong>
        <span>{team.consoles > 0 ? n('more.duty.heard', team.consoles) : t('more.duty.unheard')}</span>
        {team.unwatchedMs !== undefined && <span>{t('more.duty.alone', { span: span(p.at - team.unwatchedMs) })}</span>}
        {team.alarm && <span>{t('more.duty.alarm')}</span>}
      </p>
      <p class="sub">
        {team.wanted ? t('more.duty.wanted', { min: Math.round(team.afterS / 60) }) : t('more.duty.unwanted')}
      </p>
    </li>
  );
}

// What this screen says of itself, and for whom: no team chosen is all of them.
function Mine(p: { teams: readonly TeamLine[] }) {
  const chosen = watched.value;
  const blocked = sound.value === 'blocked';
  function choose(team: string, on: boolean): void {
    const all = p.teams.map((x) => x.team);
    const had = chosen.length === 0 ? all : chosen.filter((x) => all.includes(x));
    const next = on ? [...had, team] : had.filter((x) => x !== team);
    watch(next.length === all.length ? [] : next);
  }
  return (
    <>
      <h3>{t('more.duty.mine')}</h3>
      <p id="mine">{t(!onDuty.value ? 'more.duty.off' : blocked ? 'more.duty.blocked' : 'more.duty.on')}</p>
      {p.teams.length > 1 && (
        <fieldset>
          <legend>{t('more.duty.which')}</legend>
          <p class="sub">{t('more.duty.hint')}</p>
          <div class="duty-teams">
            {p.teams.map((x) => (
              <Check
                key={x.team}
                label={x.name}
                checked={chosen.length === 0 || chosen.includes(x.team)}
                onChange={(on) => choose(x.team, on)}
              />
            ))}
          </div>
        </fieldset>
      )}
    </>
  );
}
