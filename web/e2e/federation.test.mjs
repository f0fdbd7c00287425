// The place of the federation: jobs, the report in its frame, who may see it. CONSILIUM_SHOTS names a folder for pictures.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { axe, open, real, signIn, watched } from './browser.mjs';

const skip = real && 'needs the mock’s jobs';
let node, page, complaints;
before(async () => {
  if (skip) return;
  node = await open();
  ({ page, complaints } = await watched(node.context));
});
after(() => node?.close());

const shot = async (name) => process.env.CONSILIUM_SHOTS && page.screenshot({ path: `${process.env.CONSILIUM_SHOTS}/${name}.png` });

test('a reader has no such place', { skip }, async () => {
  await signIn(page);
  assert.equal(await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Federation' }).count(), 0);
  await page.goto('/federation');
  await page.getByText('ACCESS_DENIED').waitFor();
  complaints.splice(0, 1); // the browser says that it got a 403
  await page.getByRole('button', { name: 'Sign out' }).click();
});

for (const scheme of ['light', 'dark']) {
  test(`jobs, ${scheme}`, { skip }, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    if (scheme === 'light') {
      await page.goto('/');
      await signIn(page, 'admin', 'synthetic-admin');
      await page.keyboard.press('g');
      await page.keyboard.press('f');
      assert.equal(new URL(page.url()).pathname, '/federation');
    } else {
      await page.goto('/federation');
    }
    const running = page.locator('[data-job="retina-23"]');
    await running.getByText('Running', { exact: true }).waitFor();
    await running.getByText('8 of 20').waitFor();
    await running.getByText('21 of 23').waitFor();
    await running.getByText('4.38 of 8').waitFor();
    await running.getByText(/Waits for the masked updates, \d+ (min|s) left/).waitFor();
    await page.locator('[data-job="chest-5"]').getByRole('heading', { name: '<img src=x' }).waitFor(); // text stays text
    await page.locator('[data-job="cough-9"]').getByText('QUORUM_MISSED').waitFor();
    const torn = page.locator('[data-job="torn"]');
    await torn.getByText('Cannot be read').waitFor();
    assert.equal(await torn.getByRole('link').count(), 0, 'what cannot be read has no report');
    await page.evaluate(readFileSync(axe, 'utf8'));
    const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`), []);
    await shot(`federation-${scheme}`);
  });
}

for (const width of [1024, 820]) {
  test(`no sideways scrolling at ${width}`, { skip }, async () => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto('/federation');
    await page.locator('[data-job="torn"]').waitFor();
    await shot(`federation-${width}`);
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth - window.innerWidth, document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth]);
    assert.ok(Math.max(...wide) <= 0, `too wide by ${wide}`);
  });
}

test('the report is in a frame in which no script runs', { skip }, async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
  const before = complaints.length;
  await page.goto('/federation');
  await page.locator('[data-job="retina-23"]').getByRole('link', { name: 'Report' }).click();
  assert.equal(new URL(page.url()).pathname, '/federation/retina-23');
  const frame = page.locator('iframe');
  assert.equal(await frame.getAttribute('sandbox'), '');
  await frame.contentFrame().getByRole('heading', { name: 'Who was in, and who dropped when' }).waitFor();
  await shot('federation-report');
  const blocked = complaints.splice(before); // the report of the mock holds a script: the browser says that it was held back
  assert.ok(blocked.length > 0 && blocked.every((c) => /script/i.test(c)), blocked.join('\n'));
  await page.getByRole('link', { name: 'All jobs' }).click();
  await page.locator('[data-job="retina-23"]').waitFor();
});

test('nothing else complained', { skip }, () => assert.deepEqual(complaints, []));
