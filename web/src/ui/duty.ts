// On duty: this console sounds. Sound must be armed by a click (browsers refuse it otherwise), so it is off until then
// and the page says so in red.
import { computed, signal } from '@preact/signals';
import type { Alarm } from '../api/feed.ts';
import type { Duty } from '../feed/feed.ts';

export const onDuty = signal(false);
export const silentUntil = signal(0); // performance.now(); silence is for this console only and ends by itself
const running = signal(false); // the browser lets us be heard

export type Sound = 'off' | 'blocked' | 'silenced' | 'on';

const clockwork = signal(0);
export const sound = computed<Sound>(() => {
  if (!onDuty.value) return 'off';
  if (!running.value) return 'blocked';
  return silentUntil.value > clockwork.value ? 'silenced' : 'on';
});

// watched is which teams this screen counts for; none is all. It is remembered on this browser.
export const watched = signal<readonly string[]>((localStorage.getItem('watched') ?? '').split(' ').filter(Boolean));

export function watch(teams: readonly string[]): void {
  localStorage.setItem('watched', teams.join(' '));
  watched.value = teams;
}

// duty is what the server is told of this screen. Silenced is armed: it ends by itself.
export function duty(): Duty | null {
  return onDuty.value ? { sound: sound.value !== 'blocked', teams: watched.value } : null;
}

const silenceMs = 2 * 60_000;
const againMs = 4_000;

let audio: AudioContext | null = null;
let wakeLock: { release(): Promise<void> } | null = null;
let lastRing = 0;

// goOnDuty arms the sound and lets it be heard once. It must be called from a click or a key.
export async function goOnDuty(): Promise<void> {
  onDuty.value = true;
  silentUntil.value = 0;
  try {
    if (!audio) {
      audio = new AudioContext();
      audio.onstatechange = () => {
        running.value = audio?.state === 'running';
      };
    }
    await audio.resume();
    running.value = audio.state === 'running';
  } catch {
    running.value = false;
  }
  play(2);
  if ('Notification' in window && Notification.permission === 'default') void Notification.requestPermission();
  await stayAwake();
}

export async function goOffDuty(): Promise<void> {
  onDuty.value = false;
  silentUntil.value = 0;
  await audio?.suspend();
  await wakeLock?.release().catch(() => undefined);
  wakeLock = null;
}

// stayAwake keeps the screen on. Not every browser can; the page works without.
export async function stayAwake(): Promise<void> {
  if (!onDuty.value || document.hidden || !('wakeLock' in navigator)) return;
  try {
    wakeLock = await navigator.wakeLock.request('screen');
  } catch {
    wakeLock = null;
  }
}

export function silence(): void {
  silentUntil.value = performance.now() + silenceMs;
}

// ring sounds for an alarm that is new. It ends a silence: what was silenced was another alarm.
export function ring(alarm: Alarm): void {
  if (!onDuty.value) return;
  silentUntil.value = 0;
  lastRing = performance.now();
  play(alarm.priority);
  if (document.hidden && 'Notification' in window && Notification.permission === 'granted') {
    new Notification(document.title, {
      body: `${alarm.workerName} · ${alarm.reference}`,
      tag: alarm.id,
      requireInteraction: true,
    });
  }
}

// keepRinging is called often; while loud it sounds again every few seconds.
export function keepRinging(loud: boolean): void {
  const at = performance.now();
  clockwork.value = at;
  if (!loud || sound.value !== 'on' || at - lastRing < againMs) return;
  lastRing = at;
  play(1);
}

// play sounds three rising tones for priority 1, two for the rest.
function play(priority: number): void {
  if (audio?.state !== 'running') return;
  const tones = priority === 1 ? [880, 1175, 1568] : [660, 880];
  tones.forEach((hertz, i) => {
    if (!audio) return;
    const at = audio.currentTime + 0.05 + i * 0.22;
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.type = 'triangle';
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.6, at + 0.02);
    gain.gain.setValueAtTime(0.6, at + 0.14);
    gain.gain.linearRampToValueAtTime(0, at + 0.2);
    tone.connect(gain).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.22);
  });
}
