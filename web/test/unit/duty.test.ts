// @vitest-environment happy-dom
// Going on duty under a clock of its own, with a loudspeaker that is counted.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { alarm } from './make.ts';

class Speaker {
  state = 'suspended';
  currentTime = 0;
  destination = {};
  onstatechange: (() => void) | null = null;
  static allowed = true;
  static tones = 0;
  async resume() {
    if (Speaker.allowed) this.state = 'running';
    this.onstatechange?.();
  }
  async suspend() {
    this.state = 'suspended';
    this.onstatechange?.();
  }
  createOscillator() {
    Speaker.tones += 1;
    return {
      type: '',
      frequency: { value: 0 },
      connect: (to: unknown) => to,
      start: () => undefined,
      stop: () => undefined,
    };
  }
  createGain() {
    const ramp = () => undefined;
    return { gain: { setValueAtTime: ramp, linearRampToValueAtTime: ramp }, connect: (to: unknown) => to };
  }
}

type Duty = typeof import('../../src/ui/duty.ts');
let duty: Duty;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'setInterval', 'Date'] });
  vi.stubGlobal('AudioContext', Speaker);
  Speaker.allowed = true;
  Speaker.tones = 0;
  localStorage.clear();
  vi.resetModules();
  duty = await import('../../src/ui/duty.ts');
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

// pass lets ms go by as the page does: it looks twice a second.
function pass(ms: number, loud: boolean): void {
  for (let at = 0; at < ms; at += 500) {
    vi.advanceTimersByTime(500);
    duty.keepRinging(loud);
  }
}

test('a silence is of this screen only, is no leave from duty, and ends by itself after two minutes', async () => {
  expect(duty.duty()).toBe(null);
  await duty.goOnDuty();
  expect(duty.sound.value).toBe('on');
  pass(10_000, true);
  expect(Speaker.tones).toBeGreaterThan(4);
  duty.silence();
  const was = Speaker.tones;
  pass(119_500, true);
  expect(duty.sound.value).toBe('silenced');
  expect(duty.duty()).toEqual({ sound: true, teams: [] });
  expect(Speaker.tones).toBe(was);
  pass(1_000, true);
  expect(duty.sound.value).toBe('on');
  expect(Speaker.tones).toBeGreaterThan(was);
});

test('another alarm ends a silence, and so does the button', async () => {
  await duty.goOnDuty();
  duty.silence();
  duty.keepRinging(true);
  expect(duty.sound.value).toBe('silenced');
  const was = Speaker.tones;
  duty.ring(alarm('b', 1));
  expect(duty.sound.value).toBe('on');
  expect(Speaker.tones).toBe(was + 3);
  duty.silence();
  duty.keepRinging(true);
  await duty.goOnDuty();
  expect(duty.sound.value).toBe('on');
});

test('a browser that blocks sound is said to, and is not armed', async () => {
  Speaker.allowed = false;
  await duty.goOnDuty();
  expect(duty.sound.value).toBe('blocked');
  expect(duty.duty()).toEqual({ sound: false, teams: [] });
  await duty.goOffDuty();
  expect(duty.duty()).toBe(null);
});

test('the teams of a screen are remembered on it', async () => {
  duty.watch(['north', 'south']);
  vi.resetModules();
  duty = await import('../../src/ui/duty.ts');
  await duty.goOnDuty();
  expect(duty.duty()?.teams).toEqual(['north', 'south']);
  duty.watch([]);
  expect(duty.duty()?.teams).toEqual([]);
});
