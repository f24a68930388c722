// A browser that does what it is told, a line of JSON at a time, for the tests that run the whole system (internal/e2e):
//
//	{"do":"open","url":…,"width":1280,"height":800,"lang":"en-GB"}   {"do":"fill","at":selector,"text":…}
//	{"do":"click","at":selector}   {"do":"see","at":selector,"ms":5000}   {"do":"gone","at":selector,"ms":5000}
//	{"do":"text","at":selector}    {"do":"title"}    {"do":"shot","file":…}    {"do":"page"} a further page of the same person
//
// Each answers with {"ok":true,"value":…,"ms":…} or {"ok":false,"error":…}.
import { createInterface } from 'node:readline';
import { open } from './browser.mjs';

const log = console.log;
console.log = (...a) => console.error(...a); // stdout is for answers
const { browser, close } = await open();
let context = null;
let page = null;
const complaints = [];

const acts = {
  open: async ({ url, width = 1280, height = 800, lang = 'en-GB', dark = false }) => {
    await context?.close();
    context = await browser.newContext({
      viewport: { width, height },
      locale: lang,
      colorScheme: dark ? 'dark' : 'light',
    });
    page = await context.newPage();
    page.on('pageerror', (e) => complaints.push(String(e)));
    page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
    await page.goto(url);
  },
  page: async ({ url }) => {
    page = await context.newPage();
    await page.goto(url);
  },
  fill: ({ at, text }) => page.fill(at, text),
  click: ({ at }) => page.click(at),
  see: async ({ at, ms = 5000 }) => {
    await page.waitForSelector(at, { timeout: ms });
  },
  gone: async ({ at, ms = 5000 }) => {
    await page.waitForSelector(at, { timeout: ms, state: 'detached' });
  },
  text: ({ at }) => page.textContent(at),
  title: () => page.title(),
  shot: async ({ file }) => {
    await page.screenshot({ path: file });
  },
  complaints: () => complaints.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const began = performance.now();
  try {
    const order = JSON.parse(line);
    const act = acts[order.do];
    if (!act) throw new Error(`"${order.do}" is not understood`);
    const value = await act(order);
    log(JSON.stringify({ ok: true, value: value ?? null, ms: performance.now() - began }));
  } catch (e) {
    log(JSON.stringify({ ok: false, error: String(e?.message ?? e) }));
  }
}
await close();
