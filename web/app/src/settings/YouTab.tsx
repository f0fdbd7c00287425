import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import { asApiError } from '../api/useQuery.ts';
import { useSession } from '../app/session.tsx';
import { setTheme, shown, type Theme } from '../app/theme.ts';
import { keysAreOn, turnKeys } from '../app/useKeys.ts';
import { ErrorNotice } from '../ui/state.tsx';
import { say } from '../ui/toast.tsx';

/** YouTab holds what concerns only who is signed in, here or on this computer. */
export function YouTab() {
  const { session } = useSession();
  const [keys, setKeys] = useState(keysAreOn);
  return (
    <div className="stack">
      <section className="panel block">
        <h2>{session.user?.fullName || session.user?.name}</h2>
        <dl className="facts">
          <div className="pairless"><dt>Name</dt><dd>{session.user?.name}</dd></div>
          <div className="pairless"><dt>Role</dt><dd>{session.user?.role}</dd></div>
          <div className="pairless"><dt>May</dt><dd className="mono small">{session.actions.join(' ')}</dd></div>
        </dl>
      </section>
      <section className="panel block">
        <h2>This computer</h2>
        <label className="field narrow"><span>Colours</span>
          <select className="input" defaultValue={localStorage.getItem('consilium.theme') ?? 'system'} aria-description={`now ${shown()}`} onChange={(e) => setTheme(e.target.value as Theme)}>
            <option value="system">As the system says</option><option value="light">Light</option><option value="dark">Dark</option>
          </select>
        </label>
        <label className="row"><input type="checkbox" checked={keys} onChange={(e) => { turnKeys(e.target.checked); setKeys(e.target.checked); }} />Single keys do something (<kbd>?</kbd> lists them)</label>
      </section>
      <Password />
    </div>
  );
}

function Password() {
  const [error, setError] = useState<ApiError | { code: string; what: string; do: string } | null>(null);
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const element = e.currentTarget;
    const form = new FormData(element);
    if (form.get('password') !== form.get('again')) {
      setError({ code: 'PASSWORD', what: 'The two new passwords differ.', do: 'Type the same one twice.' });
      return;
    }
    setError(null);
    try {
      await api.changePassword(String(form.get('old')), String(form.get('password')));
      element.reset();
      say('The password is changed.');
    } catch (err) {
      setError(asApiError(err));
    }
  };
  return (
    <form className="panel block" onSubmit={submit}>
      <h2>Password</h2>
      {error && <ErrorNotice error={error} />}
      <div className="fields">
        <label className="field"><span>Present password</span><input className="input" type="password" name="old" required autoComplete="current-password" /></label>
        <label className="field"><span>New password</span><input className="input" type="password" name="password" required minLength={12} autoComplete="new-password" /></label>
        <label className="field"><span>New password again</span><input className="input" type="password" name="again" required autoComplete="new-password" /></label>
      </div>
      <div className="row end"><button type="submit" className="button primary">Change it</button></div>
    </form>
  );
}
