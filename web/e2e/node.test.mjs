// The page on a real node: `consilium demo` with its synthetic patients, from sign-in to signature. CONSILIUM_BIN
// names the program, bin/consilium otherwise. With CONSILIUM_SCREENSHOTS=1 it writes the pictures of the README.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.CONSILIUM_BIN ?? join(root, 'bin/consilium');
const skip = !existsSync(program) && `${program} is not built`;
const dir = mkdtempSync(join(tmpdir(), 'consilium-demo-'));
let demo, browser, page, complaints, signIn, account;

/** start runs the demonstration and gives what it prints about the node. */
function start() {
  demo = spawn(program, ['demo', '--out', dir, '--patients', process.env.CONSILIUM_SCREENSHOTS ? '8' : '2'], { cwd: root });
  let text = '';
  return new Promise((resolve, reject) => {
    demo.stdout.on('data', (b) => {
      text += b;
      const found = /page +(http\S+)\s+sign in (\S+), password (\S+)/.exec(text);
      if (found) resolve({ url: found[1], name: found[2], password: found[3] });
    });
    demo.stderr.on('data', (b) => { text += b; });
    demo.on('exit', (code) => reject(new Error(`the demo ended with ${code}: ${text}`)));
  });
}

before(async () => {
  if (skip) return;
  account = await start();
  process.env.CONSILIUM_URL = account.url; // before the browser's module reads it
  const b = await import('./browser.mjs');
  signIn = b.signIn;
  browser = await b.open();
  ({ page, complaints } = await b.watched(browser.context));
});

after(async () => {
  await browser?.close();
  if (demo && demo.exitCode === null) {
    const ended = new Promise((resolve) => demo.once('exit', resolve));
    demo.removeAllListeners('exit');
    demo.once('exit', () => {});
    demo.kill('SIGINT');
    await ended;
  }
  rmSync(dir, { recursive: true, force: true });
});

const shot = (name) => process.env.CONSILIUM_SCREENSHOTS && page.screenshot({ path: join(root, 'docs/images', name), ...(name.endsWith('.jpg') && { quality: 88 }) });

test('the synthetic patient waits on the worklist', { skip }, async () => {
  await signIn(page, account.name, account.password);
  const row = page.locator('tr[data-study]', { hasText: '3 findings' }).first();
  await row.waitFor();
  await row.getByText('SYNTHETIC', { exact: true }).waitFor();
  await page.getByText('Not a certified medical device').first().waitFor();
  await shot('worklist.png');
});

test('film, heat map, ECG and sound of the case are shown', { skip }, async () => {
  await page.locator('tr[data-study]', { hasText: process.env.CONSILIUM_SCREENSHOTS ? 'pneumonia 9' : '3 findings' }).first().click();
  await page.locator('.case').waitFor();
  await page.locator('.finding .head', { hasText: /pneumonia/i }).first().click();
  await page.locator('.series .thumb', { hasText: /^CR/ }).first().click();
  await page.locator('.box[data-ready=true]').waitFor();
  await page.locator('.overlay .heat').waitFor();
  assert.ok(await painted() > 40, 'the film is blank');
  await shot('case.jpg');
  await page.locator('.series .thumb', { hasText: /^ECG/ }).first().click();
  await page.getByText('12 leads').waitFor();
  await shot('ecg.png');
  await page.locator('.series .thumb', { hasText: /^AU/ }).first().click();
  await page.getByRole('button', { name: /play/i }).first().waitFor();
});

/** painted counts the greys of the film. */
const painted = () => page.locator('.box .canvas canvas').first().evaluate((c) => {
  const off = new OffscreenCanvas(200, 200);
  const g = off.getContext('2d');
  g.drawImage(c, 0, 0, 200, 200);
  const { data } = g.getImageData(0, 0, 200, 200);
  return new Set(data.filter((_, i) => i % 4 === 0)).size;
});

test('every finding is decided, the report is signed, and the letter says so', { skip }, async () => {
  for (let left = 3; left > 0; left--) {
    await page.locator('.finding.open').waitFor();
    await page.getByRole('button', { name: /^Accept/ }).first().click();
    await page.getByText(left > 1 ? `${4 - left} of 3 decided` : 'all decided').waitFor();
  }
  await page.keyboard.press('s');
  const dialog = page.getByRole('dialog', { name: 'Sign the report' });
  await dialog.getByLabel(/I take responsibility/).check();
  await dialog.getByRole('button', { name: /Sign as/ }).click();
  await page.getByText('Signed by Demo Reader').waitFor();
  const study = decodeURIComponent(/case\/([^/?#]+)/.exec(page.url())[1]);
  const letter = await page.evaluate((uid) => fetch(`/api/v1/studies/${uid}/letter`).then((r) => r.json()), study);
  assert.match(letter.paragraphs.join(' '), /Demo Reader/);
  const reports = await page.evaluate((uid) => fetch(`/dicomweb/studies/${uid}/instances?Modality=SR&includefield=all`, { headers: { accept: 'application/dicom+json' } }).then((r) => r.json()), study);
  assert.ok(reports.length >= 2, `${reports.length} reports: the unverified one and the verified one`);
});

test('nothing was complained about on the console, the content security policy included', { skip }, () => {
  assert.deepEqual(complaints, []);
});
