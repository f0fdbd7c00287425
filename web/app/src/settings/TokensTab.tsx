import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import { ROLES } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { useSession } from '../app/session.tsx';
import { moment } from '../format/format.ts';
import { Empty, Failed, Loading } from '../ui/state.tsx';
import { sayError } from '../ui/toast.tsx';
import { Confirm, Secret } from './Secret.tsx';

const DAYS = [7, 30, 90, 365];

/** TokensTab manages the API tokens of whoever is signed in. A token may do no more than its owner. */
export function TokensTab() {
  const own = useSession().session.user?.role ?? 'viewer';
  const tokens = useQuery('tokens', api.tokens);
  const [secret, setSecret] = useState<{ name: string; secret: string } | null>(null);
  const [ending, setEnding] = useState<{ id: string; name: string } | null>(null);
  const { reload } = tokens;
  const add = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const element = e.currentTarget;
    const form = new FormData(element);
    const expires = new Date(Date.now() + Number(form.get('days')) * 86_400_000 - 60_000).toISOString(); // a minute less: the node's clock may lag
    try {
      const made = await api.addToken(String(form.get('name')).trim(), String(form.get('role')), expires);
      setSecret({ name: made.token.name, secret: made.secret });
      element.reset();
      reload();
    } catch (err) {
      sayError(err);
    }
  };
  if (tokens.data === null) return tokens.error ? <Failed error={tokens.error} again={reload} /> : <Loading what="Reading the tokens" />;
  return (
    <div className="stack">
      <div className="panel scroll-x">
        {tokens.data.length === 0 ? <Empty icon="keys" title="No token"><p>A program that asks this node in your name needs one.</p></Empty> : (
          <table className="table">
            <thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Made</th><th scope="col">Expires</th><th scope="col">Last used</th><th scope="col"><span className="only-read">Actions</span></th></tr></thead>
            <tbody>
              {tokens.data.map((t) => (
                <tr key={t.id}>
                  <td><b>{t.name}</b></td><td>{t.role}</td><td className="nowrap">{moment(t.created)}</td><td className="nowrap">{moment(t.expires)}</td><td className="nowrap muted">{t.lastUsed ? moment(t.lastUsed) : 'never'}</td>
                  <td className="num"><button type="button" className="button quiet small" onClick={() => setEnding(t)}>Delete…</button></td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <form className="panel block" onSubmit={add}>
        <h2>Make a token</h2>
        <div className="fields">
          <label className="field"><span>Name: what will use it</span><input className="input" name="name" required maxLength={64} autoComplete="off" /></label>
          <label className="field"><span>Role</span><select className="input" name="role" defaultValue={own}>{ROLES.map((r) => <option key={r}>{r}</option>)}</select></label>
          <label className="field"><span>Good for</span><select className="input" name="days" defaultValue="90">{DAYS.map((d) => <option key={d} value={d}>{d} days</option>)}</select></label>
        </div>
        <div className="row end"><button type="submit" className="button primary">Make it</button></div>
      </form>
      {secret && <Secret title={`Token ${secret.name}`} text={secret.secret} note="It goes into the header Authorization: Bearer. It is not shown again." close={() => setSecret(null)} />}
      {ending && <Confirm title={`Delete the token ${ending.name}?`} text="What uses it is refused from now on." yes="Delete it" close={() => setEnding(null)} go={() => { setEnding(null); void api.removeToken(ending.id).then(reload, sayError); }} />}
    </div>
  );
}
