import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import * as api from '../api/client.ts';
import type { Row, Worklist as Answer } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { loadCase } from '../app/load.ts';
import { caseAddress, navigate, usePath } from '../app/router.tsx';
import { useCan } from '../app/session.tsx';
import { useKeys } from '../app/useKeys.ts';
import { plural } from '../format/format.ts';
import { Icon } from '../ui/icons.tsx';
import { Empty, Failed } from '../ui/state.tsx';
import { FilterBar } from './FilterBar.tsx';
import { fromAddress, isFiltered, merge, NONE, PAGE, toAddress, toQuery, type Filters } from './query.ts';
import { Rows, SkeletonRows } from './Rows.tsx';
import { useUpload } from './useUpload.tsx';
import './worklist.css';

/** useLive keeps the list in step with the node's events. */
function useLive(list: { data: Answer | null; set: (a: Answer) => void; reload: () => void }): boolean {
  const [live, setLive] = useState(true);
  const box = useRef(list);
  box.current = list;
  useEffect(() => {
    let timer = 0;
    let lost = false;
    const soon = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => box.current.reload(), 400);
    };
    const stop = api.events(
      (row: Row) => {
        const { data, set } = box.current;
        if (data === null) return;
        const { rows, settled } = merge(data.items, row);
        set({ ...data, items: rows });
        if (!settled) soon();
      },
      (connected) => {
        setLive(connected);
        if (connected && lost) soon(); // events were missed meanwhile
        lost = !connected;
      },
    );
    window.addEventListener('online', soon); // sooner than the stream connects again
    return () => {
      window.removeEventListener('online', soon);
      window.clearTimeout(timer);
      stop();
    };
  }, []);
  return live;
}

/** The case page's code loads while the list is being read, so that opening a study does not wait for it. */
function usePreload(ready: boolean): void {
  useEffect(() => {
    if (!ready) return;
    const timer = window.setTimeout(() => { void loadCase().then((m) => m.preload()); }, 300);
    return () => window.clearTimeout(timer);
  }, [ready]);
}

const REMEMBERED = 'consilium.study'; // the study that was open last is selected when one comes back

export function Worklist() {
  const { search } = usePath();
  const can = useCan();
  const filters = useMemo(() => fromAddress(search), [search]);
  const list = useQuery(`studies ${search}`, (signal) => api.studies(toQuery(filters, new Date()), signal));
  const live = useLive(list);
  usePreload(list.data !== null);
  const box = useRef<HTMLInputElement>(null);
  const items = list.data?.items ?? [];
  const [selected, setSelected] = useState<string>(() => sessionStorage.getItem(REMEMBERED) ?? '');
  const at = Math.max(0, items.findIndex((r) => r.studyUID === selected));

  const change = useCallback((f: Partial<Filters>) => navigate(toAddress({ ...filters, page: 0, ...f }), true), [filters]);
  const upload = useUpload(list.reload);
  const move = (by: number) => {
    const next = items[Math.min(items.length - 1, Math.max(0, at + by))];
    if (next) setSelected(next.studyUID);
  };
  const open = (row: Row | undefined) => {
    if (!row) return;
    sessionStorage.setItem(REMEMBERED, row.studyUID);
    performance.clearMarks('case-opened');
    performance.mark('case-opened');
    navigate(caseAddress(row.studyUID));
  };
  useKeys({
    'list.next': () => move(1),
    'list.previous': () => move(-1),
    'list.open': () => open(items[at]),
    'list.search': () => box.current?.focus(),
    'list.clear': () => navigate('/', true),
    'list.upload': () => upload.choose(),
  });

  const { data, error, loading } = list;
  return (
    <div className="worklist" {...upload.dropTarget}>
      <h1 className="only-read">Worklist</h1>
      <FilterBar filters={filters} counts={data?.counts ?? {}} change={change} search={box} live={live} upload={can('study.upload') ? upload.choose : null} />
      {upload.status}
      <div className="list panel" aria-busy={loading}>
        {error && data === null && <Failed error={error} again={list.reload} />}
        {!error && data === null && <SkeletonRows />}
        {data !== null && items.length === 0 && <Nothing filtered={isFiltered(filters)} upload={can('study.upload') ? upload.choose : null} />}
        {items.length > 0 && <Rows items={items} selected={items[at]?.studyUID ?? ''} open={open} />}
      </div>
      {data !== null && items.length > 0 && (
        <div className="pages">
          <span className="muted">{filters.page * PAGE + 1}–{filters.page * PAGE + items.length} of {plural('study', data.total).replace('studys', 'studies')}</span>
          <button type="button" className="button small" disabled={filters.page === 0} onClick={() => change({ page: filters.page - 1 })}><Icon name="left" />Previous</button>
          <button type="button" className="button small" disabled={(filters.page + 1) * PAGE >= data.total} onClick={() => change({ page: filters.page + 1 })}>Next<Icon name="right" /></button>
        </div>
      )}
      {upload.input}
    </div>
  );
}

function Nothing({ filtered, upload }: { filtered: boolean; upload: (() => void) | null }) {
  if (filtered) {
    return (
      <Empty icon="search" title="No study matches">
        <p>Change the filters, or remove them all.</p>
        <button type="button" className="button" onClick={() => navigate(toAddress(NONE), true)}>Remove all filters <kbd>x</kbd></button>
      </Empty>
    );
  }
  return (
    <Empty icon="image" title="No study yet">
      <p>Studies appear here when a modality or a PACS sends them to this node{upload ? ', or when you add files: drag DICOM, PNG, WAV, MP3 or WFDB files onto this page' : ''}.</p>
      {upload && <button type="button" className="button primary" onClick={upload}><Icon name="upload" />Add files</button>}
    </Empty>
  );
}
