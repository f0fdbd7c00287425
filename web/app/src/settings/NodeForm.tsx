import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import type { SettingsPage } from '../api/types.ts';
import { asApiError } from '../api/useQuery.ts';
import { useCan } from '../app/session.tsx';
import { Icon } from '../ui/icons.tsx';
import { ErrorNotice } from '../ui/state.tsx';
import { say } from '../ui/toast.tsx';

/** RestartNotice says that what was saved holds from the next start. */
export function RestartNotice({ page }: { page: SettingsPage }) {
  return page.changed ? <div className="notice warn" role="status"><Icon name="again" /><div><strong>Start the node again.</strong> What was saved holds from the next start.</div></div> : null;
}

export function NodeForm({ page, saved }: { page: SettingsPage; saved: (p: SettingsPage) => void }) {
  const mayChange = useCan()('settings.change');
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    setError(null);
    try {
      const callers = String(form.get('callers')).split(/[\n,]/).map((c) => c.trim()).filter((c) => c !== '');
      const node = { site: String(form.get('site')).trim(), aeTitle: String(form.get('aeTitle')).trim(), callers, quietSeconds: Number(form.get('quiet')) };
      saved(await api.saveSettings({ node, peers: page.peers }));
      say('Saved.');
    } catch (e) {
      setError(asApiError(e));
    }
  };
  return (
    <section className="panel block">
      <h2>DICOM</h2>
      <RestartNotice page={page} />
      {error && <ErrorNotice error={error} />}
      <form className="stack" onSubmit={submit}>
        <div className="fields">
          <label className="field"><span>Institution, as it stands in results</span><input className="input" name="site" defaultValue={page.node.site} maxLength={64} disabled={!mayChange} /></label>
          <label className="field"><span>AE title of this node</span><input className="input mono" name="aeTitle" defaultValue={page.node.aeTitle} maxLength={16} required disabled={!mayChange} /></label>
          <label className="field"><span>Rest before a study is diagnosed, seconds</span><input className="input" name="quiet" type="number" min={0} max={3600} step="any" defaultValue={page.node.quietSeconds} required disabled={!mayChange} /></label>
        </div>
        <label className="field"><span>AE titles that may send, one a line; empty = none</span><textarea className="input mono" name="callers" rows={Math.max(2, page.node.callers.length)} defaultValue={page.node.callers.join('\n')} disabled={!mayChange} /></label>
        {mayChange && <div className="row end"><button type="submit" className="button primary">Save</button></div>}
      </form>
    </section>
  );
}
