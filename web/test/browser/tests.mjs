// In the supervisor's words.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const mode = (page, wanted, timeout = 5_000) => page.waitForSelector(`#board[data-mode=${wanted}]`, { timeout });
const bar = (page) => page.textContent('.statebar h1');

async function timed(what) {
  const began = performance.now();
  await what;
  return performance.now() - began;
}

// accessible runs axe over the page, with the rules of WCAG 2.2 A and AA. It is put in by the debugger, past the CSP.
export async function accessible(page, where) {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const found = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((r) => JSON.stringify(r.violations.map((v) => v.id + ': ' + v.help + ' @ ' + v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | '))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  assert.deepEqual(JSON.parse(found.result.value), [], `axe: ${where}`);
  await session.detach();
}

export async function noSideways(page, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${where} is ${wide} px wider than the screen`);
}

// french changes the language where there is no room for it in the bar: in the menu.
export async function french(page) {
  const here = await page.evaluate(() => location.hash);
  await page.click('[href="#/p/menu"]');
  await page.click('.more-self [aria-label^="FR"]');
  await page.waitForSelector('html[lang=fr]');
  await page.evaluate((to) => {
    location.hash = to;
  }, here);
}

export const tests = [
  {
    name: 'sign in: a wrong password is said, a right one lets in, sign out ends it',
    run: async ({ newPage, shot }) => {
      const page = await newPage({ signIn: false });
      await page.fill('[name=email]', 'claire@demo.test');
      await page.fill('[name=password]', 'wrong');
      await page.click('text=Show');
      assert.equal(await page.getAttribute('#password', 'type'), 'text');
      await page.click('[type=submit]');
      await page.waitForSelector('.problem:has-text("wrong")');
      await shot(page, 'signin');
      await accessible(page, 'sign in');
      await page.fill('[name=password]', 'demo');
      await page.keyboard.press('Enter');
      await mode(page, 'LIVE');
      await page.reload();
      await mode(page, 'LIVE');
      await page.click('[aria-label^="Sign out"]');
      await page.waitForSelector('form.signin');
      await page.reload();
      await page.waitForSelector('form.signin');
    },
  },
  {
    name: 'an SOS is a row, a title, a favicon, a word to screen readers and a sound; a second page takes it; it is resolved',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      assert.equal(await bar(page), 'Nobody is in danger');
      await page.waitForSelector('[data-map=there]');
      await shot(page, 'board-calm');
      await accessible(page, 'board, calm');
      assert.equal(await page.getAttribute('.duty', 'data-sound'), 'off');
      await page.click('.duty');
      await page.waitForSelector('.duty[data-sound=on]');
      const second = await newPage({ email: 'hugo@demo.test' });
      await mode(second, 'LIVE');
      await page.bringToFront();

      const began = performance.now();
      const alarm = system.raise('paul');
      await page.waitForSelector('.alarm[data-state=active]');
      console.log(`     SOS to row: ${Math.round(performance.now() - began)} ms, the map drawn in software`);
      assert.equal(await bar(page), '1 alarm needs somebody');
      assert.match(await page.title(), /^\(1\) SOS Paul/);
      assert.equal(await page.getAttribute('link[rel=icon]', 'href'), '/icon-alarm.svg');
      assert.match(await page.textContent('[role=alert]'), /SOS: Paul.*Q2F7M1/);
      assert.match(await page.textContent('.alarm'), /Nobody yet/);
      assert.match(await page.textContent('.alarm'), /±\d+ m/);
      assert.match(await page.textContent('.alarm'), /step 2 at \d\d:\d\d:\d\d/);
      await page.waitForFunction(() => /0:0[2-9]/.test(document.querySelector('.alarm-age')?.textContent ?? ''));
      await shot(page, 'board-alarm');
      await accessible(page, 'board, alarm');
      await page.click('.duty');
      await page.waitForSelector('.duty[data-sound=silenced]');

      await second.bringToFront();
      await second.click('.alarm .take');
      await page.bringToFront();
      await page.waitForSelector('.alarm[data-state=taken]');
      assert.match(await page.textContent('.alarm'), /Hugo P\..*since/);
      assert.match(await second.textContent('.alarm'), /You/);
      await shot(page, 'taken');
      await shot(second, 'taken-second');
      assert.equal(await bar(page), '1 alarm, being dealt with');
      assert.equal(await page.title(), 'Solewatch');

      system.press(alarm.id);
      await page.waitForSelector('.alarm >> text=asked 2 times');
      await page.waitForSelector('.duty[data-sound=on]');

      await page.click('.alarm >> text=Resolve');
      await page.waitForSelector('dialog[open]');
      await accessible(page, 'resolve dialog');
      await shot(page, 'resolve');
      assert.equal(await page.isDisabled('dialog .primary'), true);
      await page.check('dialog [value=real]');
      await page.fill('dialog textarea', 'Ankle. Driven home.');
      await page.click('dialog .primary');
      await page.waitForSelector('.alarm', { state: 'detached' });
      assert.equal(await bar(page), 'Nobody is in danger');
      assert.equal(system.alarms.get(alarm.id).reason, 'real');
      await second.waitForSelector('.alarm', { state: 'detached' });
    },
  },
  {
    name: 'on a slow phone (1.6 Mbit/s, 150 ms away, CPU four times slower): cold page to alarm, SOS to row',
    plain: true,
    run: async ({ system, server, newPage }) => {
      system.raise('marie');
      const first = await newPage();
      await mode(first, 'LIVE');
      const opened = [];
      let page = first;
      for (let i = 0; i < 3; i += 1) {
        page = await first.context().newPage();
        const session = await page.context().newCDPSession(page);
        await session.send('Network.enable');
        await session.send('Network.setCacheDisabled', { cacheDisabled: true });
        await session.send('Network.setBypassServiceWorker', { bypass: true });
        await session.send('Network.emulateNetworkConditions', {
          offline: false,
          latency: 150,
          downloadThroughput: 200_000,
          uploadThroughput: 200_000,
        });
        await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
        await page.addInitScript(() => {
          const seen = new MutationObserver(() => {
            if (!document.querySelector('.alarm')) return;
            globalThis.rowAt = performance.now();
            seen.disconnect();
          });
          seen.observe(document, { childList: true, subtree: true });
        });
        await page.goto(server.url);
        await page.waitForSelector('.alarm');
        opened.push(Math.round(await page.evaluate(() => globalThis.rowAt)));
        await mode(page, 'LIVE');
        if (i < 2) await page.close();
      }
      const rows = [];
      for (const worker of ['paul', 'karim', 'luc']) {
        const began = performance.now();
        const alarm = system.raise(worker);
        await page.waitForSelector(`#alarm-${alarm.id}`);
        rows.push(Math.round(performance.now() - began));
      }
      console.log(
        `     cold page to alarm: ${opened.join(', ')} ms; SOS to row of an open page: ${rows.join(', ')} ms`,
      );
      // The goals are 1,500 ms; the rest is for a machine that does other things meanwhile.
      assert.ok(Math.min(...opened) < 2_500, `the page took ${opened} ms`);
      assert.ok(Math.min(...rows) < 1_500, `the row took ${rows} ms`);
    },
  },
  {
    name: 'two take charge at once: the first wins, the other is told who',
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.muted = true;
      const alarm = system.raise('marie');
      system.muted = false;
      system.walk();
      await page.waitForSelector('.alarm[data-state=active]');
      system.muted = true;
      system.take(alarm.id, { user: 'hugo', name: 'Hugo P.' });
      await page.click('.alarm .take');
      await page.waitForSelector('.notice.bad >> text=Hugo P. has taken charge');
      system.muted = false;
    },
  },
  {
    name: 'the store goes away: unavailable within 5 s, everything off but the phone; back within 5 s',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.raise('paul');
      await page.waitForSelector('.alarm');
      for (let i = 0; i < 3; i += 1) {
        system.away = true;
        assert.ok((await timed(mode(page, 'UNAVAILABLE'))) < 5_000);
        if (i === 0) {
          await page.waitForTimeout(1_100);
          assert.match(await page.textContent('.banner'), /as of \d\d:\d\d:\d\d \(\d+ s ago\)/);
          assert.match(
            await page.evaluate(() => getComputedStyle(document.getElementById('board')).filter),
            /grayscale/,
          );
          assert.equal(await page.isDisabled('.alarm .take'), true);
          assert.match(await page.getAttribute('.alarm a[href^="tel:"]', 'href'), /^tel:\+33/);
          await page.keyboard.press('a');
          assert.equal([...system.alarms.values()][0].state, 'active');
          await shot(page, 'unavailable');
          await accessible(page, 'unavailable');
        }
        system.away = false;
        assert.ok((await timed(mode(page, 'LIVE'))) < 5_000);
      }
      assert.equal(await page.isDisabled('.alarm .take'), false);
      await shot(page, 'back');
    },
  },
  {
    name: 'nobody is said to be out of danger by a page that cannot know',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.away = true;
      await mode(page, 'UNAVAILABLE');
      assert.match(await bar(page), /^At \d\d:\d\d:\d\d, nobody was in danger$/);
      await shot(page, 'unavailable-calm');
      await page.reload();
      await page.waitForSelector('.gate h1 >> text=Unavailable');
      await accessible(page, 'gate, store away');
      system.away = false;
      await mode(page, 'LIVE', 6_000);
    },
  },
  {
    name: 'the socket is cut: not live at once, back by itself, and what happened meanwhile rings',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.refused = true;
      system.cut();
      await mode(page, 'RECONNECTING');
      await shot(page, 'socket-cut');
      await mode(page, 'POLLING', 10_000);
      await shot(page, 'polling');
      system.raise('paul');
      await page.waitForSelector('.alarm');
      system.refused = false;
      await mode(page, 'LIVE', 15_000);
      assert.match(await page.textContent('[role=alert]'), /SOS/);
    },
  },
  {
    name: 'a gap in the sequence: resync, and the alarm of the gap rings',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await page.evaluate(() => {
        globalThis.modes = [];
        new MutationObserver(() => globalThis.modes.push(document.getElementById('board').dataset.mode)).observe(
          document.getElementById('board'),
          { attributes: true, attributeFilter: ['data-mode'] },
        );
      });
      system.losing = true;
      system.raise('paul');
      system.losing = false;
      system.latencyMs = 200;
      system.walk();
      await page.waitForSelector('.alarm');
      await mode(page, 'LIVE');
      assert.deepEqual(await page.evaluate(() => globalThis.modes), ['RESYNC', 'LIVE']);
      await shot(page, 'gap-closed');
      assert.match(await page.textContent('[role=alert]'), /SOS: Paul/);
    },
  },
  {
    name: 'a message that cannot be read, and a server that forgot the socket: live again',
    expects: /cannot read/,
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.control({ do: 'garble' });
      system.losing = true;
      system.raise('paul');
      system.losing = false;
      await page.waitForSelector('.alarm');
      await mode(page, 'LIVE');
      const was = system.sockets.size;
      system.control({ do: 'forget' });
      system.raise('karim', 'fall');
      await page.waitForSelector('.alarms > :nth-child(2) .alarm');
      await mode(page, 'LIVE');
      assert.equal(system.sockets.size, was);
    },
  },
  {
    name: 'without WebGL the list is whole, the page says so, and a plain locator stands in',
    plain: true,
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await page.waitForSelector('[data-map=noWebGL]');
      assert.match(await page.textContent('.map'), /no WebGL/);
      system.raise('paul');
      await page.waitForSelector('.crowd .open');
      await page.click('.alarm h2 a');
      await page.waitForSelector('.panel .locator');
      await shot(page, 'no-webgl');
      await accessible(page, 'no WebGL');
    },
  },
  {
    name: 'by keyboard alone: sign in, J K, take, resolve, search, help, open and close a person',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage({ signIn: false });
      await page.waitForSelector('[name=email]:focus');
      await page.keyboard.type('claire@demo.test');
      await page.keyboard.press('Tab');
      await page.keyboard.type('demo');
      await page.keyboard.press('Enter');
      await mode(page, 'LIVE');
      const one = system.raise('paul');
      const two = system.raise('karim', 'fall');
      await page.waitForSelector('.alarms > :nth-child(2) .alarm');
      await page.keyboard.press('j');
      await page.waitForSelector(`#alarm-${one.id}:focus`);
      await page.keyboard.press('j');
      await page.waitForSelector(`#alarm-${two.id}:focus`);
      await page.keyboard.press('a');
      await page.waitForSelector(`#alarm-${two.id}[data-state=taken]`);
      assert.equal(system.alarms.get(two.id).owner, 'claire');
      assert.equal(system.alarms.get(one.id).state, 'active');
      await page.keyboard.press('r');
      await page.waitForSelector('dialog[open]');
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
      await page.keyboard.press('r');
      await page.waitForSelector('dialog[open]');
      await page.focus('dialog [value=real]');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Tab');
      await page.keyboard.type('Dropped it.');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.waitForSelector(`#alarm-${two.id}`, { state: 'detached' });
      assert.equal(system.alarms.get(two.id).reason, 'false');
      assert.equal(system.alarms.get(two.id).note, 'Dropped it.');
      await page.keyboard.press('j');
      for (let i = 0; i < 14; i += 1) await page.keyboard.press('j');
      await page.waitForSelector('.row:focus');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.panel h2');
      await page.keyboard.press('Escape');
      await page.waitForSelector('.panel', { state: 'detached' });
      await page.keyboard.press('/');
      await page.keyboard.type('zoe etoile');
      await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
      assert.match(await page.textContent('.row'), /Zoé/);
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await page.waitForSelector('dialog[open] kbd');
      await accessible(page, 'help');
      await shot(page, 'help');
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
    },
  },
  {
    name: 'one person: now, the last hour, colleagues, who looked; an alarm by its link',
    run: async ({ system, newPage, shot }) => {
      const alarm = system.raise('paul', 'sos', { sentAtMs: system.now() - 22 * 60_000 });
      const page = await newPage({ path: `/#/a/${alarm.id}` });
      await mode(page, 'LIVE');
      await page.waitForSelector('#list .alarm.chosen');
      assert.match(await page.textContent('#list .alarm'), /22 min before it reached us/);
      await page.waitForSelector('.panel .locator');
      await page.waitForSelector('.panel .log >> text=Anne R. · SMS · sent');
      await page.waitForSelector('.panel .looked');
      await page.waitForSelector('.protection .ready');
      assert.match(await page.textContent('.protection'), /Not checked/);
      await page.waitForSelector('[data-map=there]');
      await page.waitForTimeout(1_500);
      await shot(page, 'person');
      await accessible(page, 'person');
      const gone = await newPage({ path: '/#/a/aaaaaaaaaaaaaaaa' });
      await gone.waitForSelector('.panel >> text=not open any more');
    },
  },
  {
    name: 'a person who falls silent looks it at once, wherever the line moves to, and keeps the focus',
    plain: true,
    system: { workers: 12 },
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await page.focus('#worker-zoe');
      const looks = () =>
        page.evaluate(() =>
          [...document.querySelectorAll('.row')].flatMap((row) => {
            const how = [...row.classList].find((c) => c.startsWith('is-'));
            const bold = getComputedStyle(row.querySelector('.says')).fontWeight === '600';
            const wanted = ['is-late', 'is-lost', 'is-alarm'].includes(how);
            return bold === wanted ? [] : [`${row.textContent}: ${how}, ${bold ? 'bold' : 'plain'}`];
          }),
        );
      const people = [...system.workers.values()].filter((w) => w.live && w.onShift);
      for (let i = 0; i < 12; i += 1) {
        // Each time others are lost and found, so that lines move past each other.
        for (const [k, w] of people.entries()) {
          w.live = {
            ...w.live,
            lost: (k + i) % 4 === 0 || w.worker === 'zoe',
            version: w.live.version + 1,
            heardAtMs: system.now(),
          };
          system.tell([{ kind: 'live', live: w.live }]);
        }
        await page.waitForTimeout(150);
        assert.deepEqual(await looks(), []);
        assert.equal(await page.evaluate(() => document.activeElement.id), 'worker-zoe');
      }
    },
  },
  {
    name: 'a flood of alarms: every one is there and can be taken, the first whole, the others short',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      const all = [...system.workers.keys()]
        .slice(0, 14)
        .map((w, i) => system.raise(w, i % 3 === 0 ? 'lost-contact' : 'fall'));
      await page.waitForFunction((n) => document.querySelectorAll('.alarm').length === n, all.length);
      assert.equal(await page.locator('.alarm.short').count(), 12);
      assert.equal(await page.locator('.alarm .take').count(), 14);
      assert.match(await page.textContent('.flood'), /14 new alarms in ten minutes/);
      assert.equal(await page.textContent('.alarms summary'), '5 of lower priority');
      assert.equal(await page.locator('.alarms details .alarm').count(), 5);
      await shot(page, 'flood');
      await accessible(page, 'flood');
      await page.click('.alarms summary');
      await page.click('.alarm.short .take >> nth=-1');
      await page.waitForSelector('.alarm[data-state=taken]');
    },
  },
  {
    name: 'related alarms are together; one is set aside, taken back, and seen off',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      const fall = system.raise('paul', 'fall');
      const off = system.raise('paul', 'taken-off', { incident: fall.id });
      await page.waitForSelector('.incident .alarm.short');
      assert.equal(await page.locator('.incident .alarm').count(), 2);
      await page.click('.incident .alarm.short h2 a');
      const panel = page.locator('.panel div:has(> .p2)');
      await panel.getByRole('button', { name: 'Set aside' }).click();
      await panel.getByLabel('Why').fill('new insoles tomorrow');
      await shot(page, 'set-aside');
      await accessible(page, 'set-aside');
      await panel.getByRole('button', { name: 'Set aside' }).click();
      await page.waitForFunction(() => document.querySelector('.alarms summary')?.textContent === '1 set aside');
      assert.equal(await bar(page), '1 alarm needs somebody');
      await panel.getByRole('button', { name: 'Take back' }).click();
      await page.waitForSelector('.alarms details', { state: 'detached' });
      await panel.getByRole('button', { name: 'Next step now' }).click();
      const now = system.alarms.get(off.id);
      system.put({ ...now, returnedAtMs: system.now(), version: now.version + 1 });
      await page.click('.alarms .p2 .acts button:has-text("Seen"), .panel .p2 .acts button:has-text("Seen")');
      await page.waitForFunction(() => document.querySelectorAll('.alarms .alarm').length === 1);
    },
  },
  {
    name: 'a low battery is told without red',
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.raise('paul', 'low-battery');
      await page.waitForSelector('.statebar.mild');
      assert.equal(await bar(page), '1 alarm needs somebody');
    },
  },
  {
    name: 'without a network the kept page opens and claims nothing; no answer of the API is ever kept',
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      await page.reload();
      await mode(page, 'LIVE', 15_000);
      const kept = await page.evaluate(async () => {
        const names = await caches.keys();
        return (
          await Promise.all(
            names.map(async (n) => (await (await caches.open(n)).keys()).map((r) => new URL(r.url).pathname)),
          )
        ).flat();
      });
      assert.ok(kept.includes('/'));
      assert.deepEqual(
        kept.filter((path) => path.startsWith('/api') || path.startsWith('/ws')),
        [],
      );
      system.raise('paul');
      await page.waitForSelector('.alarm');
      await page.context().setOffline(true);
      await page.reload();
      await page.waitForSelector('.gate h1 >> text=Unavailable');
      await page.context().setOffline(false);
      await page.waitForSelector('.alarm');
      await mode(page, 'LIVE', 15_000);
    },
  },
  {
    name: 'somebody who may only look is offered nothing to press',
    run: async ({ system, newPage }) => {
      system.raise('paul');
      const page = await newPage({ email: 'vera@demo.test' });
      await page.waitForSelector('.alarm');
      assert.equal(await page.locator('.take').count(), 0);
      await page.keyboard.press('a');
      await page.keyboard.press('r');
      assert.equal(await page.locator('dialog').count(), 0);
    },
  },
  {
    name: 'French and English, dark and light, kept over a reload',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage({ locale: 'fr-FR' });
      await mode(page, 'LIVE');
      // Claire's own language is English; she chooses another.
      await page.click('button[lang=fr]');
      await page.waitForFunction(
        () => document.querySelector('.statebar h1').textContent === 'Personne n’est en danger',
      );
      assert.equal(await page.getAttribute('html', 'lang'), 'fr');
      await page.click('[aria-label="Passer en sombre"]');
      system.raise('paul');
      system.raise('karim', 'low-battery');
      await page.waitForSelector('.alarms > :nth-child(2) .alarm');
      await page.waitForSelector('[data-map=there]');
      await page.waitForTimeout(1_500);
      await shot(page, 'board-dark-fr');
      await accessible(page, 'dark, French');
      await page.reload();
      await mode(page, 'LIVE');
      assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
      assert.match(await bar(page), /2 alarmes/);
      const system2 = await newPage({ colorScheme: 'dark' });
      assert.equal(await system2.getAttribute('html', 'data-theme'), 'dark');
    },
  },
  ...[320, 390, 1280].map((width) => ({
    name: `${width} px wide: nothing is cut, the list comes first, the thumb reaches Take charge`,
    run: async ({ system, newPage, shot }) => {
      const page = await newPage({
        viewport: { width, height: width < 760 ? 720 : 800 },
        hasTouch: width < 760,
        isMobile: width < 760,
        locale: 'fr-FR',
      });
      await mode(page, 'LIVE');
      if (width < 760) {
        await page.click('[href="#/p/menu"]');
        await page.click('.more-self button[lang=fr]');
        await page.waitForSelector('.more-nav >> text=Retour au tableau');
        await noSideways(page, `menu at ${width}`);
        await accessible(page, `menu at ${width}`);
        await shot(page, `w${width}-menu`);
        await page.click('.more-nav >> text=Retour au tableau');
      } else await page.click('.instruments button[lang=fr]');
      await noSideways(page, `board at ${width}`);
      await shot(page, `w${width}-calm`);
      const alarm = system.raise('paul');
      await page.waitForSelector('.alarm');
      await noSideways(page, `alarm at ${width}`);
      await shot(page, `w${width}-alarm`);
      await accessible(page, `board at ${width}`);
      if (width < 760) {
        const box = await page.locator('.thumb .take').boundingBox();
        assert.ok(box.height >= 44 && box.y > 500, 'the button is not where the thumb is');
        assert.equal(await page.locator('.map canvas').count(), 0, 'the map was fetched before anybody asked');
        assert.equal(await page.isVisible('.pane .alarm .take'), false, 'two buttons for the same');
        await page.click('.thumb .take');
        await page.waitForSelector('.alarm[data-state=taken]');
        assert.equal(system.alarms.get(alarm.id).owner, 'claire');
        await page.click('.thumb >> text=Carte');
        await page.waitForSelector('[data-map=there]');
        await page.waitForTimeout(1_000);
        await shot(page, `w${width}-map`);
        await page.click('.thumb >> text=Liste');
      }
      await page.click('.alarm h2 a');
      await page.waitForSelector('.panel .locator');
      await noSideways(page, `person at ${width}`);
      await shot(page, `w${width}-person`);
      system.away = true;
      await mode(page, 'UNAVAILABLE');
      await noSideways(page, `unavailable at ${width}`);
      await shot(page, `w${width}-unavailable`);
    },
  })),
  {
    name: 'a PC clock that is three hours wrong shows no false age',
    system: { skewMs: 3 * 3_600_000 },
    run: async ({ system, newPage }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      system.raise('paul');
      await page.waitForSelector('.alarm');
      assert.match(await page.textContent('.alarm-age'), /^0:0\d$/);
      assert.match(await page.textContent('.row.is-well .age'), /^(now|\d+ s ago)$/);
    },
  },
  {
    name: '5,000 people: the list draws what is in sight, and the page stays quick',
    system: { workers: 5_000 },
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE', 10_000);
      await page.waitForSelector('[data-map=there]');
      assert.ok((await page.locator('.row').count()) < 60);
      const session = await page.context().newCDPSession(page);
      await session.send('Performance.enable', { timeDomain: 'threadTicks' }); // CPU time: other programs do not count
      // The page's own work. What the GPU does is left out: here it is done in software, on the same thread.
      const busy = async () => {
        const { metrics } = await session.send('Performance.getMetrics');
        return metrics
          .filter((m) => /^(Script|Layout|RecalcStyle)Duration$/.test(m.name))
          .reduce((sum, m) => sum + m.value, 0);
      };
      await page.waitForTimeout(2_000);
      const before = await busy();
      const began = performance.now();
      // Every tenth of a second some fifty people are heard: each of the 5,000 every 10 s.
      for (let i = 0; i < 100; i += 1) {
        system.walk(0.01);
        await page.waitForTimeout(100);
      }
      const perSecond = ((await busy()) - before) / ((performance.now() - began) / 1000);
      console.log(`     script, layout and style with 5,000 people: ${(perSecond * 1000).toFixed(0)} ms per second`);
      system.raise('paul');
      await page.waitForSelector('.alarm');
      await page.locator('#list').evaluate((pane) => pane.scrollTo(0, 150_000));
      await page.waitForSelector('.row');
      await shot(page, 'five-thousand');
      assert.ok(perSecond < 0.2, `busy ${perSecond} s per second`);
    },
  },
];
