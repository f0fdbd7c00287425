import { useState } from 'react';
import * as api from '../api/client.ts';
import type { AuditCheck, AuditEntry, AuditQuery } from '../api/types.ts';
import { asApiError, useQuery } from '../api/useQuery.ts';
import type { ApiError } from '../api/client.ts';
import { navigate, usePath } from '../app/router.tsx';
import { moment } from '../format/format.ts';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNotice, Failed, Loading } from '../ui/state.tsx';
import './audit.css';

const PAGE = 100;
const KEYS = ['patient', 'study', 'actor', 'action'] as const;
const NAMES: Record<(typeof KEYS)[number], string> = { patient: 'Patient ID', study: 'Study UID', actor: 'Actor', action: 'Action' };

function fromAddress(search: string): AuditQuery {
  const p = new URLSearchParams(search);
  const q: AuditQuery = { limit: PAGE };
  for (const k of KEYS) if (p.get(k)) q[k] = p.get(k)!;
  const before = Number(p.get('before'));
  if (before > 0) q.before = before;
  return q;
}

function toAddress(q: AuditQuery): string {
  const p = new URLSearchParams();
  for (const k of KEYS) if (q[k]) p.set(k, q[k]);
  if (q.before) p.set('before', String(q.before));
  return p.size === 0 ? '/audit' : `/audit?${p}`;
}

/** AuditPage shows the audit log, newest first, and has the node prove that it is whole. */
export default function AuditPage() {
  const { search } = usePath();
  const q = fromAddress(search);
  const page = useQuery(`audit ${search}`, (signal) => api.audit(q, signal));
  return (
    <div className="page audit">
      <header>
        <div><h1>Audit log</h1><p>Who did what to whose data. Every entry is part of a hash tree: none can be changed, dropped or moved unseen.</p></div>
        <Verify />
      </header>
      <Filter key={search} q={q} />
      {page.data === null && (page.error ? <Failed error={page.error} again={page.reload} /> : <Loading what="Reading the log" />)}
      {page.data && (
        <>
          <div className="panel scroll-x">
            {page.data.items.length === 0 ? <Empty icon="log" title="No entry matches" /> : <Entries items={page.data.items} />}
          </div>
          <div className="row">
            {q.before !== undefined && <button type="button" className="button small" onClick={() => navigate(toAddress({ ...q, before: 0 }))}><Icon name="left" />Newest</button>}
            <span className="grow muted small">{page.data.size.toLocaleString('en')} entries in the whole log</span>
            {page.data.next > 0 && <button type="button" className="button small" onClick={() => navigate(toAddress({ ...q, before: page.data!.next }))}>Older<Icon name="right" /></button>}
          </div>
          <details className="panel checkpoint">
            <summary>Checkpoint: keep it elsewhere, and nobody can shorten the log unseen</summary>
            <pre tabIndex={0}>{page.data.checkpoint}</pre>
          </details>
        </>
      )}
    </div>
  );
}

function Filter({ q }: { q: AuditQuery }) {
  return (
    <form
      className="audit-filter" role="search"
      onSubmit={(e) => {
        e.preventDefault();
        const form = new FormData(e.currentTarget);
        const next: AuditQuery = {};
        for (const k of KEYS) next[k] = String(form.get(k) ?? '').trim();
        navigate(toAddress(next));
      }}
    >
      {KEYS.map((k) => <label key={k} className="field"><span>{NAMES[k]}</span><input className="input" name={k} defaultValue={q[k] ?? ''} maxLength={64} /></label>)}
      <button type="submit" className="button"><Icon name="search" />Filter</button>
      {KEYS.some((k) => q[k]) && <button type="button" className="button quiet" onClick={() => navigate('/audit')}>Clear</button>}
    </form>
  );
}

function Verify() {
  const [state, setState] = useState<{ busy: boolean; result: AuditCheck | null; error: ApiError | null }>({ busy: false, result: null, error: null });
  const run = async () => {
    setState({ busy: true, result: null, error: null });
    try {
      setState({ busy: false, result: await api.verifyAudit(), error: null });
    } catch (e) {
      setState({ busy: false, result: null, error: asApiError(e) });
    }
  };
  const { busy, result, error } = state;
  return (
    <div className="verify">
      <button type="button" className="button primary" disabled={busy} onClick={run}><Icon name="shield" />{busy ? 'Reading the whole log…' : 'Verify the log'}</button>
      {result?.ok && <div className="notice good" role="status"><Icon name="check" /><div><strong>The log is whole.</strong> {result.entries.toLocaleString('en')} entries were read and agree with the checkpoint.</div></div>}
      {result && !result.ok && <ErrorNotice error={result.error ?? { code: 'AUDIT_BROKEN', what: 'The log was altered.', do: 'Keep a copy of the data directory and compare it with an older checkpoint.' }} />}
      {error && <ErrorNotice error={error} />}
    </div>
  );
}

function Entries({ items }: { items: AuditEntry[] }) {
  return (
    <table className="table entries">
      <thead><tr><th scope="col" className="num">Entry</th><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Patient</th><th scope="col">More</th></tr></thead>
      <tbody>{items.map((e) => <One key={e.index} entry={e} />)}</tbody>
    </table>
  );
}

function One({ entry: e }: { entry: AuditEntry }) {
  const detail = Object.entries(e.detail ?? {}).filter(([, v]) => v !== '');
  const bad = e.outcome !== undefined && e.outcome !== '' && e.outcome !== 'ok';
  const more: [string, string][] = [];
  if (e.study) more.push(['study', e.study]);
  if (e.object) more.push(['object', e.object]);
  if (e.model) more.push(['model', e.model]);
  return (
    <tr>
      <td className="num mono muted">{e.index}</td>
      <td className="nowrap" title={e.time}>{moment(e.time)}</td>
      <td>{e.actor || '–'}{e.role && <span className="muted small"> {e.role}</span>}</td>
      <td><span className="mono">{e.action}</span>{bad && <span className="badge critical outcome">{e.outcome}</span>}</td>
      <td>{e.patient || '–'}</td>
      <td className="more">{[...more, ...detail].map(([k, v]) => <span key={k}><span className="muted">{k}</span> {v}</span>)}</td>
    </tr>
  );
}
