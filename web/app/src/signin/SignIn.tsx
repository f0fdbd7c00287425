import { useState, type FormEvent, type ReactNode } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import type { Session } from '../api/types.ts';
import { asApiError } from '../api/useQuery.ts';
import { navigate } from '../app/router.tsx';
import { Icon } from '../ui/icons.tsx';
import { ErrorNotice } from '../ui/state.tsx';
import './signin.css';

function Frame({ session, title, children }: { session: Session; title: string; children: ReactNode }) {
  return (
    <div className="signin">
      <main className="card panel">
        <div className="mark"><img src="/icon.svg" width="34" height="34" alt="" /><span>Consilium</span></div>
        <h1>{title}</h1>
        {children}
      </main>
      <footer>
        <p>{session.disclaimer || 'Decision support for evaluation and research. Not a certified medical device.'}</p>
        <p className="muted">Version {session.version}</p>
      </footer>
    </div>
  );
}

/** The node sends the browser back with a code when the identity provider's answer did not do. */
function refusedOutside(): ApiError | null {
  const code = new URLSearchParams(window.location.search).get('refused');
  return code === null ? null : new api.ApiError(0, code, 'Your organisation’s sign-in did not work.', 'Try again, or ask an administrator of this node.');
}

/** SignIn asks who is there; the address that was asked for stays, and opens after. */
export function SignIn({ session, done }: { session: Session; done: () => void }) {
  const [error, setError] = useState<ApiError | null>(refusedOutside);
  const [busy, setBusy] = useState(false);
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await api.login(String(form.get('name')), String(form.get('password')));
      if (window.location.pathname === '/signin' || window.location.pathname === '/setup') navigate('/', true);
      done();
    } catch (e) {
      setError(asApiError(e));
      setBusy(false);
    }
  };
  return (
    <Frame session={session} title="Sign in">
      {session.setup && (
        <div className="notice warn"><Icon name="info" /><div><strong>This node has no account yet.</strong> Open the set-up link that it printed when it started.</div></div>
      )}
      {error && <ErrorNotice error={error} />}
      {session.login.local && (
        <form className="stack" onSubmit={submit}>
          <label className="field"><span>Name</span><input className="input" name="name" autoComplete="username" required autoFocus /></label>
          <label className="field"><span>Password</span><input className="input" name="password" type="password" autoComplete="current-password" required /></label>
          <button type="submit" className="button primary" disabled={busy}>{busy ? 'Signing in…' : 'Sign in'}</button>
        </form>
      )}
      {session.login.local && session.login.oidc && <div className="or">or</div>}
      {session.login.oidc && <a className="button" href="/auth/oidc/start"><Icon name="shield" />Sign in with your organisation</a>}
    </Frame>
  );
}

const SHORTEST = 12;

/** Setup uses a one-time link, whose secret stands behind #: it makes the first administrator, or sets an account's password. */
export function Setup({ session, done }: { session: Session; done: () => void }) {
  const token = window.location.hash.slice(1).replace(/^token=/, '');
  const [error, setError] = useState<{ code: string; what: string; do: string } | ApiError | null>(
    token === '' ? { code: 'SETUP_LINK', what: 'The link is not complete.', do: 'Open the whole link as you got it.' } : null,
  );
  const [busy, setBusy] = useState(false);
  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    const password = String(form.get('password'));
    if (password !== String(form.get('again'))) {
      setError({ code: 'PASSWORD', what: 'The two passwords differ.', do: 'Type the same password twice.' });
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await api.setup(token, String(form.get('name')), password);
      navigate('/', true);
      done();
    } catch (e) {
      setError(asApiError(e));
      setBusy(false);
    }
  };
  return (
    <Frame session={session} title={session.setup ? 'Set up this node' : 'Choose a password'}>
      <p className="muted">{session.setup ? 'You make the first account. It manages users and settings; readers who review and sign get accounts of their own.' : 'The link works once, for the account that it was made for.'}</p>
      {error && <ErrorNotice error={error} />}
      <form className="stack" onSubmit={submit}>
        <label className="field"><span>Name</span><input className="input" name="name" autoComplete="username" required autoFocus /></label>
        <label className="field"><span>Password, at least {SHORTEST} characters</span><input className="input" name="password" type="password" autoComplete="new-password" minLength={SHORTEST} required /></label>
        <label className="field"><span>Password again</span><input className="input" name="again" type="password" autoComplete="new-password" required /></label>
        <button type="submit" className="button primary" disabled={busy || token === ''}>{session.setup ? 'Make the account' : 'Set the password'}</button>
      </form>
    </Frame>
  );
}
