import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import type { Peer, SettingsPage } from '../api/types.ts';
import { asApiError, useQuery } from '../api/useQuery.ts';
import { useCan } from '../app/session.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNotice, Failed, Loading } from '../ui/state.tsx';
import { RestartNotice } from './NodeForm.tsx';

const KIND: Record<Peer['kind'], string> = { dicom: 'DICOM (PACS)', fhir: 'FHIR (record)', hl7: 'HL7 v2 (MLLP)' };

/** PeersTab lists the systems that get signed results. */
export function PeersTab() {
  const settings = useQuery('settings', api.settings);
  if (settings.data === null) return settings.error ? <Failed error={settings.error} again={settings.reload} /> : <Loading what="Reading the peers" />;
  return <Peers page={settings.data} saved={settings.set} />;
}

function Peers({ page, saved }: { page: SettingsPage; saved: (p: SettingsPage) => void }) {
  const mayChange = useCan()('settings.change');
  const [error, setError] = useState<ApiError | null>(null);
  const save = async (peers: Peer[]): Promise<boolean> => {
    setError(null);
    try {
      saved(await api.saveSettings({ node: page.node, peers }));
      return true;
    } catch (e) {
      setError(asApiError(e));
      return false;
    }
  };
  return (
    <div className="stack">
      <RestartNotice page={page} />
      {error && <ErrorNotice error={error} />}
      <div className="panel scroll-x">
        {page.peers.length === 0 ? <Empty icon="upload" title="Nobody gets results yet"><p>Add the PACS or the record that signed results are sent to.</p></Empty> : (
          <table className="table">
            <thead><tr><th scope="col">Name</th><th scope="col">Kind</th><th scope="col">Address</th><th scope="col">AE title</th><th scope="col">TLS</th><th scope="col"><span className="only-read">Actions</span></th></tr></thead>
            <tbody>
              {page.peers.map((p) => (
                <tr key={p.name}>
                  <td><b>{p.name}</b></td><td>{KIND[p.kind] ?? p.kind}</td><td className="mono">{p.address}</td><td className="mono">{p.aeTitle}</td><td>{p.tls || p.address.startsWith('https:') ? 'yes' : 'no'}</td>
                  <td className="num">{mayChange && <button type="button" className="button quiet small icon" aria-label={`Remove ${p.name}`} onClick={() => void save(page.peers.filter((o) => o !== p))}><Icon name="cross" /></button>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      {mayChange && <Add add={(p) => save([...page.peers, p])} />}
    </div>
  );
}

function Add({ add }: { add: (p: Peer) => Promise<boolean> }) {
  const [kind, setKind] = useState<Peer['kind']>('dicom');
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const element = e.currentTarget;
    const form = new FormData(element);
    const peer: Peer = { name: String(form.get('name')).trim(), kind, address: String(form.get('address')).trim() };
    if (kind === 'dicom') peer.aeTitle = String(form.get('aeTitle')).trim();
    if (form.get('tls') === 'on') peer.tls = true;
    if (await add(peer)) element.reset();
  };
  return (
    <form className="panel block" onSubmit={submit}>
      <h2>Add a peer</h2>
      <div className="fields">
        <label className="field"><span>Name</span><input className="input" name="name" required maxLength={64} /></label>
        <label className="field"><span>Kind</span>
          <select className="input" value={kind} onChange={(e) => setKind(e.target.value as Peer['kind'])}>{Object.entries(KIND).map(([k, text]) => <option key={k} value={k}>{text}</option>)}</select>
        </label>
        <label className="field"><span>{kind === 'fhir' ? 'Address' : 'Host and port'}</span><input className="input mono" name="address" required maxLength={256} placeholder={kind === 'fhir' ? 'https://record.example/fhir' : 'pacs.example:104'} /></label>
        {kind === 'dicom' && <label className="field"><span>AE title</span><input className="input mono" name="aeTitle" required maxLength={16} /></label>}
      </div>
      <div className="row">
        {kind !== 'fhir' && <label className="row"><input type="checkbox" name="tls" />TLS</label>}
        <span className="grow" /><button type="submit" className="button primary">Add</button>
      </div>
    </form>
  );
}
