import { useEffect, useState, type RefObject } from 'react';
import { STATES, URGENCIES, type State } from '../api/types.ts';
import { stateText, urgencyText } from '../ui/badges.tsx';
import { Icon } from '../ui/icons.tsx';
import type { Filters } from './query.ts';

const MODALITIES = ['CR', 'DX', 'CT', 'MR', 'US', 'MG', 'OP', 'ECG', 'AU', 'OT'];

interface Props {
  filters: Filters;
  counts: Partial<Record<State, number>>;
  change: (f: Partial<Filters>) => void;
  search: RefObject<HTMLInputElement | null>;
  live: boolean;
  upload: (() => void) | null;
}

/** The search text is asked for a moment after the last key. */
function useSearchText(q: string, change: (f: Partial<Filters>) => void): [string, (t: string) => void] {
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  useEffect(() => {
    if (text === q) return;
    const timer = window.setTimeout(() => change({ q: text }), 220);
    return () => window.clearTimeout(timer);
  }, [text, q, change]);
  return [text, setText];
}

export function FilterBar({ filters, counts, change, search, live, upload }: Props) {
  const [text, setText] = useSearchText(filters.q, change);
  const all = STATES.reduce((sum, s) => sum + (counts[s] ?? 0), 0);
  const tab = (state: string, name: string, n: number) => (
    <button key={state} type="button" aria-pressed={filters.state === state} className={n === 0 && state !== '' ? 'tab none' : 'tab'} onClick={() => change({ state })}>
      {name}<span className="count">{n}</span>
    </button>
  );
  return (
    <div className="filters">
      <div className="tabs" role="group" aria-label="State">
        {tab('', 'All', all)}
        {(['ready', 'diagnosing', 'queued', 'receiving', 'failed', 'signed'] as State[]).map((s) => tab(s, stateText(s), counts[s] ?? 0))}
      </div>
      <div className="choices">
        <div className="search">
          <Icon name="search" />
          <input
            ref={search} className="input" type="search" value={text} placeholder="Patient, ID, accession, description" aria-label="Search"
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => { if (e.key === 'Escape' || e.key === 'Enter') { if (e.key === 'Escape') setText(''); e.currentTarget.blur(); } }}
          />
          <kbd>/</kbd>
        </div>
        <select className="input" aria-label="Urgency" value={filters.urgency} onChange={(e) => change({ urgency: e.target.value })}>
          <option value="">Any urgency</option>
          {URGENCIES.map((u) => <option key={u} value={u}>{urgencyText(u)}</option>)}
        </select>
        <select className="input" aria-label="Modality" value={filters.modality} onChange={(e) => change({ modality: e.target.value })}>
          <option value="">Any modality</option>
          {MODALITIES.map((m) => <option key={m} value={m}>{m}</option>)}
        </select>
        <DateChoice value={filters.date} change={(date) => change({ date })} />
        <div className="grow" />
        <span className={live ? 'live' : 'live lost'} role="status"><i aria-hidden="true" />{live ? 'Live' : 'Connecting…'}</span>
        {upload && <button type="button" className="button" onClick={upload}><Icon name="upload" />Add files</button>}
      </div>
    </div>
  );
}

const dashed = (da: string): string => da.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');

function DateChoice({ value, change }: { value: string; change: (date: string) => void }) {
  const own = value.includes('-');
  const [from = '', to = ''] = own ? value.split('-') : [];
  return (
    <>
      <select className="input" aria-label="Study date" value={own ? 'own' : value} onChange={(e) => change(e.target.value === 'own' ? '-' : e.target.value)}>
        <option value="">Any date</option>
        <option value="today">Today</option>
        <option value="7">Last 7 days</option>
        <option value="30">Last 30 days</option>
        <option value="own">From … to …</option>
      </select>
      {own && (
        <>
          <input className="input day" type="date" aria-label="From" value={dashed(from)} onChange={(e) => change(`${e.target.value.replaceAll('-', '')}-${to}`)} />
          <input className="input day" type="date" aria-label="To" value={dashed(to)} onChange={(e) => change(`${from}-${e.target.value.replaceAll('-', '')}`)} />
        </>
      )}
    </>
  );
}
