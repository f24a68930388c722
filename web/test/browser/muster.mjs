// Evacuation and roll-call, in the supervisor's words.
import assert from 'node:assert/strict';
import { accessible, french, mode, noSideways } from './tests.mjs';

async function at(page, address) {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/p/${address}`);
}

const many = (page) =>
  page.$$eval('.evac-tally > div', (all) =>
    Object.fromEntries(all.map((d) => [d.className.slice(5), Number(d.dataset.many)])),
  );

async function tallied(page, want) {
  await page.waitForFunction(
    (w) =>
      [...document.querySelectorAll('.evac-tally > div')].every(
        (d) => w[d.className.slice(5)] === undefined || Number(d.dataset.many) === w[d.className.slice(5)],
      ) && document.querySelector('.evac-tally') !== null,
    want,
  );
}

export const tests = [
  {
    name: 'evacuation: counted before, called once, a live tally, alarms, marked safe, ended',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await at(page, 'evacuate');
      await page.waitForSelector('.evac form, form.evac');
      await accessible(page, 'evacuation, the form');
      await shot(page, 'evacuate-form');
      await page.click('text=Whom does it reach?');
      await page.waitForSelector('dialog[open] .evac-count');
      const north = [...system.workers.values()].filter((w) => w.onShift && w.team === 'north');
      const unreached = north.filter((w) => !w.live || w.live.lost || w.live.charging).length;
      assert.match(await page.textContent('dialog'), new RegExp(`${north.length} people are called`));
      assert.match(await page.textContent('dialog'), new RegExp(`${unreached} of them cannot be reached`));
      assert.equal(system.musters.all.size, 0, 'asking whom it reaches calls nobody');
      await accessible(page, 'evacuation, the question');
      await shot(page, 'evacuate-sure');
      await page.click('dialog >> text=Evacuate now');
      await tallied(page, { noAnswer: north.length - unreached, unreachable: unreached, safe: 0, help: 0 });
      assert.equal(system.musters.calls.length, 1);
      assert.deepEqual(
        { ...system.musters.calls[0], muster: '' },
        { muster: '', mode: 'evacuate', team: 'north', answerWithinS: 120 },
      );
      const [id] = [...system.musters.all.keys()];
      assert.match(await page.textContent('.evac-clock'), /1:5\d left|2:00 left/);

      const began = performance.now();
      system.musters.answer(id, 'paul');
      await tallied(page, { safe: 1, noAnswer: north.length - unreached - 1 });
      console.log(`     an answer was counted ${Math.round(performance.now() - began)} ms after it was told`);
      assert.equal(await page.$('.evac-people a[href$="/w/paul"]'), null, 'who is safe is not among those to look for');
      system.raise('zoe', 'sos');
      await tallied(page, { help: 1, noAnswer: north.length - unreached - 2 });
      assert.match(await page.textContent('.evac-people li >> nth=0'), /Zo.*Needs help/s);
      await shot(page, 'evacuate-tally');
      await accessible(page, 'evacuation, the tally');

      system.musters.overdue(id);
      await page.waitForSelector('.evac-people >> text=No answer: alarm');
      await page.waitForSelector('text=The time to answer was over');
      const inOrder = await page.$$eval('.evac-people li', (all) => all.map((l) => l.dataset.standing));
      assert.deepEqual([...new Set(inOrder)], ['help', 'missing', 'unreachable'], 'who needs somebody comes first');
      const name = await page.getAttribute('.evac-people li[data-standing=missing] button', 'aria-label');
      await page.click('.evac-people li[data-standing=missing] button');
      await tallied(page, { safe: 2 });
      const marked = [...system.musters.all.get(id).people].find((p) => p.byName);
      assert.equal(`Mark safe: ${marked.name}`, name);
      assert.equal(marked.byName, 'Claire M.');
      await page.check('[name=show][value=all]');
      await page.waitForSelector('.evac-people >> text=says Claire M.');

      await page.click('.evac-end button');
      await page.waitForSelector('dialog[open]');
      assert.match(await page.textContent('dialog'), /have not answered/);
      await page.click('dialog .primary');
      await page.waitForSelector('.evac-clock:has-text("Ended")');
      assert.equal(system.musters.all.get(id).muster.state, 'ended');
      assert.equal(await page.$('.evac-end'), null);
    },
  },
  {
    name: 'evacuation: by keyboard, 320 px and dark, in French, a drill, an area that is typed, a viewer, the store away',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage({ viewport: { width: 320, height: 640 }, colorScheme: 'dark' });
      await mode(page, 'LIVE');
      await at(page, 'evacuate');
      await page.waitForSelector('form.evac');
      await french(page);
      await page.waitForSelector('text=Qui sera joint ?');
      await noSideways(page, 'evacuation form at 320 px');
      await page.focus('[name=target][value=team]');
      await page.keyboard.press('ArrowDown');
      await page.waitForSelector('form.evac >> text=Zone');
      await page.keyboard.press('ArrowDown');
      await page.waitForSelector('textarea');
      assert.equal(await page.isDisabled('form.evac [type=submit]'), true, 'nothing is typed yet');
      await page.fill('textarea', '43.61, 7.05\n43.61, 7.06\nici');
      await page.waitForSelector('text=Ces lignes ne sont pas des sommets : 3.');
      await page.fill('textarea', '43.61, 7.05\n43.61, 7.06\n43.62, 7.06');
      await page.click('text=C’est un exercice');
      await page.focus('form.evac [type=submit]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('dialog[open] .evac-count');
      await noSideways(page, 'the question at 320 px');
      await shot(page, 'evacuate-sure-320-dark');
      // From the heading's button: cancel, then call.
      await page.focus('dialog .acts .primary');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.evac-tally');
      assert.deepEqual(system.musters.calls[0].ring, [
        [7.05, 43.61],
        [7.06, 43.61],
        [7.06, 43.62],
      ]);
      assert.equal(system.musters.calls[0].drill, true);
      await page.waitForSelector('.evac-drill');
      await noSideways(page, 'the tally at 320 px');
      await accessible(page, 'the tally, 320 px and dark, in French');
      await shot(page, 'evacuate-tally-320-dark');
      const before = await many(page);
      const [id] = [...system.musters.all.keys()];

      // What the feed loses is seen when it is back.
      system.losing = true;
      system.musters.answer(id, 'paul');
      system.losing = false;
      system.cut();
      await tallied(page, { safe: 1 });
      assert.equal((await many(page)).noAnswer, before.noAnswer - 1);

      const viewer = await newPage({ email: 'vera@demo.test' });
      await mode(viewer, 'LIVE');
      await at(viewer, `evacuate/${id}`);
      await tallied(viewer, { safe: 1 });
      assert.equal(await viewer.$('.evac-acts button, .evac-end'), null);
      await at(viewer, 'evacuate');
      await viewer.waitForSelector('.musters a');
      assert.equal(await viewer.$('form.evac'), null);

      system.away = true;
      await mode(page, 'UNAVAILABLE', 8_000);
      await page.waitForSelector('.evac-stale');
      assert.equal(await page.isDisabled('.evac-end button'), true);
      assert.ok(await page.$('.evac-acts a[href^="tel:"]'), 'telephone numbers stay');
    },
  },
  {
    name: 'evacuation: an area drawn on the map and by keys is the area that is typed, and the one that is called',
    run: async ({ system, newPage, shot }) => {
      const page = await newPage();
      await mode(page, 'LIVE');
      await at(page, 'evacuate');
      await page.check('[name=target][value=area]');
      await page.waitForSelector('.draw[data-drawn=yes] canvas');
      await page.locator('.draw').scrollIntoViewIfNeeded();
      const box = await page.locator('.draw').boundingBox();
      for (const [i, [x, y]] of [
        [0.3, 0.3],
        [0.6, 0.3],
        [0.6, 0.7],
      ].entries()) {
        await page.mouse.click(box.x + box.width * x, box.y + box.height * y);
        await page.waitForFunction((n) => document.querySelectorAll('.draw .corner').length === n, i + 1);
      }
      const lines = async () => (await page.inputValue('form.evac textarea')).split('\n');
      assert.equal((await lines()).length, 3);
      const before = await lines();
      await page.focus('.draw .corner >> nth=0');
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction(
        (was) => document.querySelector('form.evac textarea').value !== was,
        before.join('\n'),
      );
      await page.fill('form.evac textarea', `${(await lines()).join('\n')}\n43.60, 7.05`);
      await page.waitForSelector('.draw .corner:nth-of-type(4)');
      await page.focus('.draw .corner >> nth=3');
      await page.keyboard.press('Delete');
      await page.waitForFunction(() => document.querySelectorAll('.draw .corner').length === 3);
      await accessible(page, 'evacuation, an area that is drawn');
      await shot(page, 'evacuate-drawn');
      const drawn = (await lines()).map((l) => l.split(', ').map(Number));
      await page.click('text=Whom does it reach?');
      await page.waitForSelector('dialog[open] .evac-count');
      await page.click('dialog .acts .primary');
      await page.waitForSelector('.evac-tally');
      assert.deepEqual(
        system.musters.calls[0].ring,
        drawn.map(([lat, lon]) => [lon, lat]),
      );
    },
  },
];
