// A node that is none: the API of docs/web.md from memory, for developing the
// page and for its tests. Never shipped, never reached from outside: it listens
// on loopback.
//
//   node web/e2e/mock/server.mjs [port]      then sign in as reader / synthetic-reader
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { administration } from './administration.mjs';
import { federation } from './federation.mjs';
import { material } from './material.mjs';
import { png } from './png.mjs';
import { DISCLAIMER, FILM, filmCase, OPEN, overlay, rows, shortCase, theCase } from './studies.mjs';

export const USER = 'reader';
export const PASSWORD = 'synthetic-reader';

// The node's own policy (server/guard.go).
const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; media-src 'self' blob:; " +
  "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const CSRF = 'mock-csrf-token';
const ACTIONS = {
  reader: ['study.list', 'study.view', 'study.upload', 'study.diagnose', 'finding.review', 'report.sign', 'consent.view', 'consent.change', 'model.view', 'token.own', 'status.view'],
  admin: ['study.list', 'study.view', 'study.upload', 'study.diagnose', 'consent.view', 'consent.change', 'model.view', 'federation.view', 'audit.view', 'user.manage', 'token.own', 'settings.view', 'settings.change', 'status.view'],
};
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.svg': 'image/svg+xml' };
const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

export function makeMock() {
  const found = material();
  const list = rows();
  const state = { list, cases: { [OPEN]: theCase(list[0], found.film), [FILM]: filmCase(list[2], found.film) }, listeners: new Set() };
  const admin = administration();
  const ctx = { found, state, admin, heat: overlay(found.film.json['00280011'].Value[0], found.film.json['00280010'].Value[0]) };
  return createServer((req, res) => {
    res.setHeader('Content-Security-Policy', CSP);
    res.setHeader('X-Content-Type-Options', 'nosniff');
    handle(ctx, req, res).catch((e) => send(res, 500, { error: { code: 'INTERNAL', what: String(e), do: '' } }));
  });
}

const send = (res, status, body, type = 'application/json') => {
  res.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  res.end(Buffer.isBuffer(body) ? body : body === null ? '' : JSON.stringify(body));
};
const refuse = (res, status, code, what, todo) => send(res, status, { error: { code, what, do: todo } });

async function read(req) {
  const parts = [];
  for await (const p of req) parts.push(p);
  return Buffer.concat(parts);
}

async function handle(ctx, req, res) {
  const url = new URL(req.url, 'http://mock');
  const user = /consilium_session=(\w+)/.exec(req.headers.cookie ?? '')?.[1] ?? null;
  const path = url.pathname;
  if (!path.startsWith('/api/') && !path.startsWith('/dicomweb/')) return page(path, res);
  const body = req.method === 'GET' ? Buffer.alloc(0) : await read(req);
  const json = () => JSON.parse(body.toString('utf8') || '{}');
  if (path === '/api/v1/session') return send(res, 200, session(user));
  if (path === '/api/v1/login') return login(json(), res);
  if (path === '/api/v1/setup') {
    if (json().token !== 'first') return refuse(res, 401, 'ACCESS_UNKNOWN', 'the link is not valid: used, replaced, or older than a day', 'ask an administrator for a new one');
    res.setHeader('Set-Cookie', 'consilium_session=admin; HttpOnly; SameSite=Strict; Path=/');
    return send(res, 200, session('admin'));
  }
  if (user === null) return refuse(res, 401, 'ACCESS_UNKNOWN', 'nobody is signed in', 'sign in');
  if (req.method !== 'GET' && req.headers['x-csrf-token'] !== CSRF) return refuse(res, 403, 'ACCESS_DENIED', 'the request has no valid CSRF token', 'reload the page');
  if (path === '/api/v1/logout') {
    res.setHeader('Set-Cookie', 'consilium_session=; Max-Age=0; Path=/');
    return send(res, 204, null);
  }
  if (path.startsWith('/dicomweb/')) return dicomweb(ctx, path, res);
  if (path === '/api/v1/events') return events(ctx, req, res);
  if (path === '/api/v1/studies') return req.method === 'POST' ? upload(ctx, body, res) : worklist(ctx, url.searchParams, res);
  if (path.startsWith('/api/v1/studies/')) return study(ctx, req, path.split('/').slice(4).map(decodeURIComponent), json, res, user);
  if (path.endsWith('/waveform')) return send(res, 200, ctx.found.ecg);
  if (path.endsWith('/sound.wav')) return send(res, 200, ctx.found.sound, 'audio/wav');
  if (path.startsWith('/api/v1/federation')) return federation(path, user, res, send, refuse);
  const answer = ctx.admin(req.method, url, json, user);
  return answer ? send(res, answer.status ?? 200, answer.body) : refuse(res, 404, 'NOT_FOUND', 'there is nothing at this address', 'see /api/docs');
}

function page(path, res) {
  let file = join(dist, normalize(path));
  if (!file.startsWith(dist) || !existsSync(file) || statSync(file).isDirectory()) {
    if (extname(path) !== '') return refuse(res, 404, 'NOT_FOUND', 'there is nothing at this address', '');
    file = join(dist, 'index.html');
  }
  res.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(res);
}

function session(user) {
  return {
    user: user && { id: user, name: user, fullName: user === 'reader' ? 'Dr. Ines Albrecht' : 'Administrator', role: user }, csrf: user ? CSRF : '', login: { local: true, oidc: true }, setup: false,
    version: '0.3.0', disclaimer: DISCLAIMER, actions: user ? ACTIONS[user] : [],
  };
}

function login({ name, password }, res) {
  const known = { reader: PASSWORD, admin: 'synthetic-admin' };
  if (known[name] !== password) return refuse(res, 401, 'ACCESS_UNKNOWN', 'name or password is wrong', 'type them again; after ten tries the node waits');
  res.setHeader('Set-Cookie', `consilium_session=${name}; HttpOnly; SameSite=Strict; Path=/`);
  return send(res, 200, session(name));
}

function worklist({ state }, q, res) {
  const text = (q.get('q') ?? '').toLowerCase();
  const has = (r) => text === '' || [r.patientName, r.patientID, r.accession, r.description].some((t) => t.toLowerCase().includes(text));
  const is = (key, value) => !q.get(key) || q.get(key) === value;
  const items = state.list.filter((r) =>
    is('state', r.state) && is('urgency', r.urgency) && (!q.get('modality') || r.modalities.includes(q.get('modality'))) && has(r) &&
    (!q.get('from') || r.studyDate >= q.get('from')) && (!q.get('to') || r.studyDate <= q.get('to')));
  const counts = {};
  for (const r of state.list) counts[r.state] = (counts[r.state] ?? 0) + 1;
  const offset = Number(q.get('offset') ?? 0);
  return send(res, 200, { items: items.slice(offset, offset + Number(q.get('limit') ?? 50)), total: items.length, counts });
}

function tell({ state }, row) {
  for (const res of state.listeners) res.write(`event: study\ndata: ${JSON.stringify(row)}\n\n`);
}

function events({ state }, req, res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  res.write('retry: 2000\n\n');
  state.listeners.add(res);
  req.on('close', () => state.listeners.delete(res));
}

/** An upload becomes a study that is queued, and assessed a moment later. */
function upload(ctx, body, res) {
  const uid = `1.2.826.0.1.3680043.10.1.${900 + ctx.state.list.length}`;
  const row = { ...ctx.state.list.at(-1), studyUID: uid, patientName: 'Upload^Synthetic', patientID: 'U-1', description: `${Math.round(body.length / 1000)} kB by hand`, state: 'queued', urgency: 'none', headline: '', findings: 0, receivedAt: new Date().toISOString() };
  ctx.state.list.unshift(row);
  tell(ctx, row);
  setTimeout(() => { Object.assign(row, { state: 'ready', headline: 'Normal', findings: 1 }); tell(ctx, row); }, 600);
  return send(res, 201, { studyUID: uid });
}

function study(ctx, req, [uid, what, id], json, res, user) {
  const row = ctx.state.list.find((r) => r.studyUID === uid);
  if (!row) return refuse(res, 404, 'NOT_FOUND', 'there is no such study', 'look at the worklist');
  const open = ctx.state.cases[uid] ?? shortCase(row);
  if (what === undefined) return send(res, 200, open);
  if (what === 'pictures') return picture(ctx, id, res);
  if (what === 'diagnose') {
    Object.assign(row, { state: 'queued' });
    tell(ctx, row);
    return send(res, 204, null);
  }
  const now = new Date().toISOString();
  const by = session(user).user.fullName;
  if (what === 'findings') {
    const f = open.assessment.findings.find((one) => one.id === id);
    f.review = req.method === 'DELETE' ? null : { answer: '', comment: '', ...json(), by, at: now };
    open.history.push({ at: now, actor: by, action: 'finding.reviewed', text: f.review ? `${f.answer}: ${f.review.decision}` : `${f.answer}: review taken back` });
    tell(ctx, row);
    return send(res, 204, null);
  }
  if (what === 'sign') {
    if (open.assessment.findings.some((f) => !f.review)) return refuse(res, 409, 'CONFLICT', 'a finding is not reviewed', 'accept, correct or reject every finding first');
    open.signature = { by, at: now, attestation: 'I have looked at the study myself and agree with the findings as reviewed.' };
    row.state = 'signed';
    open.history.push({ at: now, actor: by, action: 'report.signed', text: 'The report was signed.' });
    tell(ctx, row);
    return send(res, 200, open.signature);
  }
  if (what === 'letter') {
    if (!open.signature) return refuse(res, 409, 'CONFLICT', 'the report is not signed yet', 'a letter for the patient tells what a clinician has signed');
    return send(res, 200, { title: 'About your examination', paragraphs: ['SYNTHETIC DATA: generated by a program, not recorded from a patient.', `On ${row.studyDate} you had an examination. A computer program looked at it first. Then ${by}, a clinician, checked what the program said and signed the result.`, 'We asked whether the film of your chest shows pneumonia. Your clinician agrees with the program that it does.', 'Please ask your clinician about anything in this letter that you do not understand.'], disclaimer: DISCLAIMER });
  }
  if (what === 'report.html') {
    res.setHeader('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups");
    return send(res, 200, Buffer.from(`<!doctype html><meta charset="utf-8"><title>Report</title><h1>Draft report, not signed</h1><p>${DISCLAIMER}</p>`), 'text/html; charset=utf-8');
  }
  return refuse(res, 404, 'NOT_FOUND', 'there is nothing at this address', '');
}

function picture(ctx, file, res) {
  const which = { 0: ctx.heat, a: ctx.found.pictures.film, b: ctx.found.pictures.ecg, c: ctx.found.pictures.sound }[file[0]];
  return which ? send(res, 200, which, 'image/png') : refuse(res, 404, 'NOT_FOUND', 'the study has no such picture', 'reload the case');
}

function dicomweb({ found, state }, path, res) {
  const [, , , uid, , series, , sop] = path.split('/');
  const place = { '0020000D': uid, '0020000E': series, '00080018': sop ?? `${series}.1` };
  if (!state.cases[uid]) return refuse(res, 404, 'NOT_FOUND', 'there is no such study', '');
  if (path.endsWith('/metadata')) {
    const json = { ...found.film.json };
    for (const [tag, value] of Object.entries(place)) json[tag] = { vr: 'UI', Value: [value] };
    return send(res, 200, Buffer.from(JSON.stringify([json])), 'application/dicom+json');
  }
  if (path.includes('/frames/')) {
    const boundary = 'mock-boundary';
    const head = `--${boundary}\r\nContent-Type: application/octet-stream; transfer-syntax=${found.film.syntax}\r\n\r\n`;
    return send(res, 200, Buffer.concat([Buffer.from(head), found.film.frame, Buffer.from(`\r\n--${boundary}--\r\n`)]), `multipart/related; type="application/octet-stream"; boundary=${boundary}; transfer-syntax=${found.film.syntax}`);
  }
  if (path.endsWith('/rendered')) return send(res, 200, state.thumbnail ??= thumbnail(found.film), 'image/png');
  return refuse(res, 404, 'NOT_FOUND', 'there is nothing at this address', '');
}

/** thumbnail renders the film small, through the window that it asks for. */
function thumbnail({ json, frame }) {
  const [columns, rowCount, bits] = ['00280011', '00280010', '00280100'].map((t) => json[t].Value[0]);
  const [centre, width] = ['00281050', '00281051'].map((t) => json[t]?.Value[0]);
  const step = Math.max(1, Math.ceil(columns / 160));
  const at = (x, y) => (bits === 8 ? frame[y * columns + x] : frame.readUInt16LE((y * columns + x) * 2));
  let [low, high] = [centre - width / 2, centre + width / 2];
  if (!Number.isFinite(low)) [low, high] = [0, 2 ** json['00280101'].Value[0] - 1];
  return png(Math.floor(columns / step), Math.floor(rowCount / step), (x, y) => {
    const v = Math.round(Math.min(1, Math.max(0, (at(x * step, y * step) - low) / (high - low))) * 255);
    return [v, v, v, 255];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8089);
  makeMock().listen(port, '127.0.0.1', () => console.log(`mock node: http://127.0.0.1:${port}  (sign in as ${USER} / ${PASSWORD}, or admin / synthetic-admin)`));
}
