// Chromium for the tests, and the node that they look at: the mock, or the one
// that CONSILIUM_URL names (then with CONSILIUM_USER and CONSILIUM_PASSWORD).
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeMock, PASSWORD, USER } from './mock/server.mjs';

const need = createRequire(new URL('../app/package.json', import.meta.url));
const { chromium } = need('playwright-core');

export const real = process.env.CONSILIUM_URL !== undefined;
export const user = process.env.CONSILIUM_USER ?? USER;
export const password = process.env.CONSILIUM_PASSWORD ?? PASSWORD;
export const axe = need.resolve('axe-core/axe.min.js');

/** open starts browser and node; what it gives is closed with close(). */
export async function open() {
  const profile = mkdtempSync(join(tmpdir(), 'consilium-e2e-'));
  let mock = null;
  let url = process.env.CONSILIUM_URL;
  if (!real) {
    mock = makeMock();
    await new Promise((resolve) => mock.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${mock.address().port}`;
  }
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CONSILIUM_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    baseURL: url,
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    ignoreHTTPSErrors: true, // a node's own certificate
    args: [
      '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps',
      '--disable-extensions', '--metrics-recording-only', '--no-pings', '--disable-gpu',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
  context.setDefaultTimeout(15_000);
  return {
    context,
    url,
    async close() {
      await context.close();
      if (mock) {
        mock.closeAllConnections();
        await new Promise((resolve) => mock.close(resolve));
      }
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** watched opens a page and keeps what it complains about: errors, and breaches of the content security policy. */
export async function watched(context) {
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (e) => complaints.push(`error: ${e.message}`));
  page.on('console', (m) => {
    const text = m.text();
    const expected = /Failed to load resource: the server responded with a status of (401|404|409|422|500)/.test(text);
    if ((m.type() === 'error' && !expected) || /Content Security Policy/.test(text)) complaints.push(`${m.type()}: ${text}`);
  });
  return { page, complaints };
}

export async function signIn(page, name = user, secret = password) {
  await page.goto('/');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.locator('.worklist').waitFor();
}

/** withModality finds the first ready study that has all of these modalities; name narrows it down with the mock. */
export function withModality(page, modalities, name = '') {
  let rows = page.locator('tr[data-study]', { hasText: real ? /To review|Signed/ : name });
  for (const m of modalities) rows = rows.filter({ has: page.locator('.modality', { hasText: new RegExp(`^(${m})$`) }) });
  return rows.first();
}
