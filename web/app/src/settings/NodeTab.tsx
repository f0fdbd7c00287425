import * as api from '../api/client.ts';
import type { SettingsPage, Status } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { useCan } from '../app/session.tsx';
import { bytes, moment, words } from '../format/format.ts';
import { stateText } from '../ui/badges.tsx';
import { Icon } from '../ui/icons.tsx';
import { Failed, Loading } from '../ui/state.tsx';
import { NodeForm } from './NodeForm.tsx';

/** NodeTab tells how the node is, and what it is called. */
export function NodeTab() {
  const status = useQuery('status', api.status);
  const mayView = useCan()('settings.view');
  const settings = useQuery(mayView ? 'settings' : null, api.settings);
  return (
    <div className="stack wide-gap">
      {status.data === null && (status.error ? <Failed error={status.error} again={status.reload} /> : <Loading what="Asking the node" />)}
      {status.data && <How status={status.data} />}
      {settings.error && <Failed error={settings.error} again={settings.reload} />}
      {settings.data && <NodeForm page={settings.data} saved={settings.set} />}
      {settings.data && <Readonly page={settings.data} />}
    </div>
  );
}

function How({ status: s }: { status: Status }) {
  const used = s.disk.total > 0 ? 1 - s.disk.free / s.disk.total : 0;
  return (
    <section className="stack">
      {s.trouble.map((t, i) => <div key={i} className="notice warn" role="alert"><Icon name="alert" /><div>{t}</div></div>)}
      <div className="tiles">
        <Tile name="Waiting for a diagnosis" value={String(s.queue)} />
        <Tile name="Models" value={String(s.models)} />
        <Tile name="Audit entries" value={s.audit.toLocaleString('en')} />
        <Tile name="Free disk" value={s.disk.total > 0 ? bytes(s.disk.free) : '–'} note={s.disk.total > 0 ? `${Math.round(used * 100)} % of ${bytes(s.disk.total)} used` : ''} />
        <Tile name="Version" value={s.version} note={`since ${moment(s.started)}`} />
      </div>
      <p className="muted small">Studies: {Object.entries(s.studies).map(([state, n]) => `${n} ${stateText(state as never).toLowerCase()}`).join(', ') || 'none'}.</p>
    </section>
  );
}

function Tile({ name, value, note = '' }: { name: string; value: string; note?: string }) {
  return <div className="panel tile"><span className="muted small">{name}</span><b>{value}</b>{note !== '' && <span className="muted small">{note}</span>}</div>;
}

function Readonly({ page }: { page: SettingsPage }) {
  const facts = Object.entries(page.readonly);
  if (facts.length === 0) return null;
  return (
    <section className="panel block">
      <h2>Set on the command line</h2>
      <dl className="facts">{facts.map(([k, v]) => <div key={k} className="pairless"><dt>{words(k)}</dt><dd className="mono">{v}</dd></div>)}</dl>
    </section>
  );
}
