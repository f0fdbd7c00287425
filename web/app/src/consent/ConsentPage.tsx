import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import { DATA_CLASSES, PURPOSES, type ConsentDecision, type ConsentEntry } from '../api/types.ts';
import { asApiError, useQuery } from '../api/useQuery.ts';
import { useCan } from '../app/session.tsx';
import { moment } from '../format/format.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNotice, Failed, Loading } from '../ui/state.tsx';
import { say } from '../ui/toast.tsx';
import './consent.css';

const PURPOSE: Record<string, [string, string]> = {
  care: ['Care', 'Those who treat the patient read it. Allowed unless the patient says no.'],
  quality: ['Quality', 'Checks of this node’s own work.'],
  research: ['Research', 'Researchers of this institution read it.'],
  training: ['Training', 'Models learn from it, here.'],
  federation: ['Federation', 'Models learn from it together with other institutions; the data stays here.'],
};

/** ConsentPage shows and records what a patient permits: purpose by data class by time. */
export default function ConsentPage({ patient }: { patient: string }) {
  const entries = useQuery(`consents ${patient}`, (signal) => api.consents(patient, signal));
  const can = useCan();
  const [asking, setAsking] = useState<string | null>(null);
  const of = (purpose: string) => (entries.data ?? []).filter((e) => e.purpose === purpose && e.inForce);
  return (
    <div className="page">
      <header><div><h1>Consent</h1><p>Patient {patient}. What is decided here holds for every reader of this node at once, programs included.</p></div>
        <button type="button" className="button quiet" onClick={() => window.history.back()}><Icon name="left" />Back</button>
      </header>
      {entries.data === null && (entries.error ? <Failed error={entries.error} again={entries.reload} /> : <Loading what="Reading the decisions" />)}
      {entries.data && (
        <>
          <div className="purposes">
            {PURPOSES.map((p) => <Purpose key={p} purpose={p} inForce={of(p)} change={can('consent.change') ? () => setAsking(p) : null} />)}
          </div>
          <section className="stack">
            <h2>All decisions</h2>
            <div className="panel scroll-x">{entries.data.length === 0 ? <Empty icon="shield" title="Nothing was decided yet"><p>Care is allowed, everything else is not.</p></Empty> : <Entries items={entries.data} />}</div>
          </section>
        </>
      )}
      {asking !== null && <Decide patient={patient} purpose={asking} close={() => setAsking(null)} done={() => { setAsking(null); say('The decision holds from now on.'); entries.reload(); }} />}
    </div>
  );
}

function Purpose({ purpose, inForce, change }: { purpose: string; inForce: ConsentEntry[]; change: (() => void) | null }) {
  const [title, text] = PURPOSE[purpose] ?? [purpose, ''];
  const standard = purpose === 'care' ? 'permit' : 'deny';
  const whole = inForce.find((e) => !e.dataClass);
  const decision = whole?.decision ?? standard;
  const parts = inForce.filter((e) => e.dataClass);
  return (
    <article className="panel purpose">
      <div className="row"><h2 className="grow">{title}</h2><span className={`badge ${decision === 'permit' ? 'good' : 'critical'}`}>{decision === 'permit' ? 'Permitted' : 'Not permitted'}</span></div>
      <p className="muted small">{text}</p>
      {parts.length > 0 && <ul className="small">{parts.map((e) => <li key={e.id}>{e.dataClass}: {e.decision === 'permit' ? 'permitted' : 'not permitted'}</li>)}</ul>}
      <div className="row">
        <span className="grow small muted">{whole ? `${moment(whole.made)}, ${whole.by}` : 'as long as nothing is decided'}</span>
        {change && <button type="button" className="button small" onClick={change}>Change</button>}
      </div>
    </article>
  );
}

function Entries({ items }: { items: ConsentEntry[] }) {
  return (
    <table className="table">
      <thead><tr><th scope="col">Made</th><th scope="col">Purpose</th><th scope="col">Data</th><th scope="col">Decision</th><th scope="col">Holds</th><th scope="col">By</th><th scope="col">Note</th></tr></thead>
      <tbody>
        {items.map((e) => (
          <tr key={e.id} className={e.inForce ? '' : 'over'}>
            <td className="nowrap">{moment(e.made)}</td>
            <td>{PURPOSE[e.purpose]?.[0] ?? e.purpose}</td>
            <td>{e.dataClass || 'all'}</td>
            <td>{e.decision === 'permit' ? 'permitted' : 'not permitted'}</td>
            <td>{e.inForce ? (e.until ? `until ${moment(e.until)}` : 'now') : 'no longer'}</td>
            <td>{e.by}</td>
            <td className="note">{e.text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Decide({ patient, purpose, close, done }: { patient: string; purpose: string; close: () => void; done: () => void }) {
  const text = useQuery(`consent text ${purpose}`, (signal) => api.consentText(purpose, signal));
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    const decision: ConsentDecision = { purpose, decision: form.get('decision') === 'permit' ? 'permit' : 'deny' };
    const dataClass = String(form.get('dataClass'));
    const until = String(form.get('until'));
    const note = String(form.get('text')).trim();
    if (dataClass !== '') decision.dataClass = dataClass;
    if (until !== '') decision.until = new Date(`${until}T23:59:59`).toISOString();
    if (note !== '') decision.text = note;
    setBusy(true);
    setError(null);
    try {
      await api.decideConsent(patient, decision);
      done();
    } catch (e) {
      setError(asApiError(e));
      setBusy(false);
    }
  };
  return (
    <Dialog title={`${PURPOSE[purpose]?.[0] ?? purpose}: the patient’s decision`} close={close}>
      <form className="stack" onSubmit={submit}>
        {text.data && (
          <blockquote className="told">
            <p className="small muted">What the patient is told</p>
            <h3>{text.data.title}</h3>
            {text.data.paragraphs.map((p, i) => <p key={i}>{p}</p>)}
          </blockquote>
        )}
        {text.error && <ErrorNotice error={text.error} />}
        {error && <ErrorNotice error={error} />}
        <fieldset className="row wrap choice">
          <legend className="only-read">Decision</legend>
          <label className="row"><input type="radio" name="decision" value="permit" required />The patient permits it</label>
          <label className="row"><input type="radio" name="decision" value="deny" required />The patient does not, or no longer</label>
        </fieldset>
        <div className="pair">
          <label className="field"><span>Data</span>
            <select className="input" name="dataClass" defaultValue=""><option value="">All</option>{DATA_CLASSES.map((d) => <option key={d} value={d}>{d}</option>)}</select>
          </label>
          <label className="field"><span>Until (empty = without end)</span><input className="input" type="date" name="until" /></label>
        </div>
        <label className="field"><span>Note: who explained it, which form was signed</span><textarea className="input" name="text" rows={2} maxLength={4000} /></label>
        <div className="row end"><button type="button" className="button" onClick={close}>Cancel</button><button type="submit" className="button primary" disabled={busy}>Record the decision</button></div>
      </form>
    </Dialog>
  );
}
