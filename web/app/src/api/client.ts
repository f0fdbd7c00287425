// The one place that talks to the node's API.

import type {
  Account, Assessment, AuditCheck, AuditPage, AuditQuery, Case, ConsentDecision, ConsentEntry, ConsentText, Decision, FederationJob, Finding, Letter,
  ModelCard, Row, Session, Settings, SettingsPage, Status, Token, Waveform, Worklist, WorklistQuery,
} from './types.ts';

/** What went wrong, as the node says it: a code, what happened, what to do. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly what: string;
  readonly remedy: string;

  constructor(status: number, code: string, what: string, remedy: string) {
    super(what);
    this.status = status;
    this.code = code;
    this.what = what;
    this.remedy = remedy;
  }
}

const DEADLINE = 30_000; // ms, for any one request but an upload
const UPLOAD_DEADLINE = 10 * 60_000;

let csrf = '';
let onSignedOut: () => void = () => {};

/** setSignedOut names what happens when the node says that the session is over. */
export function setSignedOut(f: () => void): void {
  onSignedOut = f;
}

type Body = object;

async function request<T>(method: string, path: string, body?: Body, signal?: AbortSignal, within = DEADLINE): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf;
  const deadline = AbortSignal.timeout(within);
  const init: RequestInit = {
    method,
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (e) {
    if (signal?.aborted) throw e;
    throw unreachable(deadline.aborted);
  }
  return answer<T>(response.status, await response.text());
}

function unreachable(late: boolean): ApiError {
  return late
    ? new ApiError(0, 'NO_ANSWER', 'The node did not answer in time.', 'Try again; if it stays so, look at the node’s log.')
    : new ApiError(0, 'UNREACHABLE', 'The node cannot be reached.', 'Check that it runs and that this computer is on its network, then try again.');
}

function answer<T>(status: number, text: string): T {
  let value: unknown = null;
  if (text !== '') {
    try {
      value = JSON.parse(text);
    } catch {
      throw new ApiError(status, `HTTP_${status}`, 'The node’s answer could not be read.', 'Reload the page; if it stays so, look at the node’s log.');
    }
  }
  if (status >= 200 && status < 300) return value as T;
  const e = (value as { error?: { code?: string; what?: string; do?: string } } | null)?.error ?? {};
  const error = new ApiError(status, e.code ?? `HTTP_${status}`, e.what ?? `The node answered ${status}.`, e.do ?? '');
  if (status === 401) onSignedOut();
  throw error;
}

function query(params: object): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== '') q.set(key, String(value));
  }
  const text = q.toString();
  return text === '' ? '' : `?${text}`;
}

const part = encodeURIComponent;

function list<T>(value: T[] | null | undefined): T[] {
  return value ?? [];
}

function row(r: Row): Row {
  return { ...r, modalities: list(r.modalities) };
}

function finding(f: Finding): Finding {
  return {
    ...f,
    outcomes: list(f.outcomes),
    notes: list(f.notes),
    reasons: list(f.reasons),
    pictures: list(f.pictures),
    regions: list(f.regions),
    segments: list(f.segments),
  };
}

function assessment(a: Assessment): Assessment {
  return { ...a, findings: list(a.findings).map(finding), refusals: list(a.refusals) };
}

function whole(c: Case): Case {
  return {
    ...c,
    study: row(c.study),
    series: list(c.series).map((s) => ({ ...s, instances: list(s.instances) })),
    assessment: c.assessment ? assessment(c.assessment) : null,
    history: list(c.history),
  };
}

// Who is here.

export async function session(signal?: AbortSignal): Promise<Session> {
  const s = await request<Session>('GET', '/api/v1/session', undefined, signal);
  csrf = s.csrf ?? '';
  return { ...s, actions: list(s.actions), login: s.login ?? { local: true, oidc: false } };
}

export const login = (name: string, password: string) => request<unknown>('POST', '/api/v1/login', { name, password });
export const logout = () => request<unknown>('POST', '/api/v1/logout', {});
export const setup = (token: string, name: string, password: string) =>
  request<unknown>('POST', '/api/v1/setup', { token, name, password });

// Studies.

export async function studies(q: WorklistQuery, signal?: AbortSignal): Promise<Worklist> {
  const w = await request<Worklist>('GET', `/api/v1/studies${query(q)}`, undefined, signal);
  return { items: list(w.items).map(row), total: w.total ?? 0, counts: w.counts ?? {} };
}

export async function study(uid: string, signal?: AbortSignal): Promise<Case> {
  return whole(await request<Case>('GET', `/api/v1/studies/${part(uid)}`, undefined, signal));
}

export const review = (uid: string, id: string, decision: Decision, answerText: string, comment: string) =>
  request<unknown>('PUT', `/api/v1/studies/${part(uid)}/findings/${part(id)}/review`, { decision, ...(answerText === '' ? {} : { answer: answerText }), ...(comment === '' ? {} : { comment }) });
export const unreview = (uid: string, id: string) =>
  request<unknown>('DELETE', `/api/v1/studies/${part(uid)}/findings/${part(id)}/review`);
export const sign = (uid: string, password: string) =>
  request<unknown>('POST', `/api/v1/studies/${part(uid)}/sign`, password === '' ? { attestation: true } : { attestation: true, password });
export const diagnose = (uid: string) => request<unknown>('POST', `/api/v1/studies/${part(uid)}/diagnose`, {});
export async function letter(uid: string, signal?: AbortSignal): Promise<Letter> {
  const l = await request<Letter>('GET', `/api/v1/studies/${part(uid)}/letter`, undefined, signal);
  return { ...l, paragraphs: list(l.paragraphs) };
}
export const reportAddress = (uid: string) => `/api/v1/studies/${part(uid)}/report.html`;

export async function waveform(sop: string, signal?: AbortSignal): Promise<Waveform> {
  const w = await request<Waveform>('GET', `/api/v1/instances/${part(sop)}/waveform`, undefined, signal);
  return { ...w, leads: list(w.leads) };
}

export async function sound(sop: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const deadline = AbortSignal.timeout(DEADLINE);
  let response: Response;
  try {
    response = await fetch(`/api/v1/instances/${part(sop)}/sound.wav`, { signal: AbortSignal.any([signal, deadline]) });
  } catch (e) {
    if (signal.aborted) throw e;
    throw unreachable(deadline.aborted);
  }
  return response.ok ? response.arrayBuffer() : answer<ArrayBuffer>(response.status, await response.text());
}

/** upload sends files and tells how far it is, 0..1. fetch cannot tell that, XMLHttpRequest can. */
export function upload(files: File[], progress: (share: number) => void): Promise<{ studyUID: string }> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const f of files) form.append('files', f, f.name);
    const xhr = new XMLHttpRequest();
    xhr.open('POST', '/api/v1/studies');
    xhr.timeout = UPLOAD_DEADLINE;
    xhr.setRequestHeader('X-CSRF-Token', csrf);
    xhr.upload.onprogress = (e) => progress(e.lengthComputable ? e.loaded / e.total : 0);
    xhr.onerror = () => reject(unreachable(false));
    xhr.ontimeout = () => reject(unreachable(true));
    xhr.onload = () => {
      try {
        resolve(answer(xhr.status, xhr.responseText));
      } catch (e) {
        reject(e);
      }
    };
    xhr.send(form);
  });
}

/** events calls back with every study that changed, until the returned function is called. */
export function events(changed: (row: Row) => void, connected: (yes: boolean) => void): () => void {
  const source = new EventSource('/api/v1/events');
  source.addEventListener('study', (e) => {
    try {
      changed(row(JSON.parse((e as MessageEvent<string>).data) as Row));
    } catch {
      // A line that is no row is left out; the next reload of the list corrects it.
    }
  });
  source.onopen = () => connected(true);
  source.onerror = () => connected(false); // the browser connects again by itself
  return () => source.close();
}

// Federation.

export const federation = async (signal?: AbortSignal) => list((await request<Items<FederationJob>>('GET', '/api/v1/federation', undefined, signal)).items);
/** federationReport is the address of a job's story as a page. */
export const federationReport = (job: string) => `/api/v1/federation/${part(job)}/report.html`;

// Models, audit, consent.

export async function models(signal?: AbortSignal): Promise<ModelCard[]> {
  const all = list(await request<ModelCard[] | null>('GET', '/api/v1/models', undefined, signal));
  return all.map((m) => ({ ...m, limitations: list(m.limitations), labels: list(m.labels), metrics: list(m.metrics) }));
}
export const modelCard = (name: string, signal?: AbortSignal) =>
  request<{ markdown: string }>('GET', `/api/v1/models/${part(name)}/card`, undefined, signal);

export async function audit(q: AuditQuery, signal?: AbortSignal): Promise<AuditPage> {
  const p = await request<AuditPage>('GET', `/api/v1/audit${query(q)}`, undefined, signal);
  return { ...p, items: list(p.items) };
}
/** verifyAudit has the node read its whole log, which may take as long as an upload. */
export const verifyAudit = () => request<AuditCheck>('POST', '/api/v1/audit/verify', {}, undefined, UPLOAD_DEADLINE);

type Items<T> = { items: T[] | null };

const consentsOf = (patient: string) => `/api/v1/patients/${part(patient)}/consents`;
export const consents = async (patient: string, signal?: AbortSignal) =>
  list((await request<Items<ConsentEntry>>('GET', consentsOf(patient), undefined, signal)).items);
export const decideConsent = (patient: string, decision: ConsentDecision) =>
  request<ConsentEntry>('POST', consentsOf(patient), { ...decision });
export async function consentText(purpose: string, signal?: AbortSignal): Promise<ConsentText> {
  const t = await request<ConsentText>('GET', `/api/v1/consent-text${query({ purpose })}`, undefined, signal);
  return { ...t, paragraphs: list(t.paragraphs) };
}

// Settings.

export const users = async (signal?: AbortSignal) => list((await request<Items<Account>>('GET', '/api/v1/users', undefined, signal)).items);
export const addUser = (name: string, fullName: string, role: string) =>
  request<{ user: Account; link: string }>('POST', '/api/v1/users', { name, fullName, role });
export const changeUser = (id: string, change: { fullName?: string; role?: string; disabled?: boolean }) =>
  request<Account>('PATCH', `/api/v1/users/${part(id)}`, change);
export const closeUser = (id: string) => request<unknown>('DELETE', `/api/v1/users/${part(id)}`);
export const linkUser = (id: string) => request<{ link: string }>('POST', `/api/v1/users/${part(id)}/link`, {});
export const changePassword = (old: string, password: string) => request<unknown>('PUT', '/api/v1/password', { old, password });
export const tokens = async (signal?: AbortSignal) => list((await request<Items<Token>>('GET', '/api/v1/tokens', undefined, signal)).items);
export const addToken = (name: string, role: string, expires: string) =>
  request<{ token: Token; secret: string }>('POST', '/api/v1/tokens', { name, role, expires });
export const removeToken = (id: string) => request<unknown>('DELETE', `/api/v1/tokens/${part(id)}`);
export async function settings(signal?: AbortSignal): Promise<SettingsPage> {
  return settingsPage(await request<SettingsPage>('GET', '/api/v1/settings', undefined, signal));
}
export async function saveSettings(s: Settings): Promise<SettingsPage> {
  return settingsPage(await request<SettingsPage>('PUT', '/api/v1/settings', { node: s.node, peers: s.peers }));
}
const settingsPage = (s: SettingsPage): SettingsPage => ({ ...s, node: { ...s.node, callers: list(s.node.callers) }, peers: list(s.peers), readonly: s.readonly ?? {} });
export async function status(signal?: AbortSignal): Promise<Status> {
  const s = await request<Status>('GET', '/api/v1/status', undefined, signal);
  return { ...s, trouble: list(s.trouble), studies: s.studies ?? {} };
}
