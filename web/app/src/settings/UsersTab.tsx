import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import { ROLES, type Account } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { useSession } from '../app/session.tsx';
import { moment } from '../format/format.ts';
import { Failed, Loading } from '../ui/state.tsx';
import { sayError } from '../ui/toast.tsx';
import { Confirm, Secret } from './Secret.tsx';

/** UsersTab manages accounts. A new one gets a one-time link to choose its password; nobody types another's. */
export function UsersTab() {
  const users = useQuery('users', api.users);
  const [link, setLink] = useState<{ name: string; link: string } | null>(null);
  const [closing, setClosing] = useState<Account | null>(null);
  const { reload } = users;
  const change = (id: string, c: { role?: string; disabled?: boolean }) => api.changeUser(id, c).then(reload, sayError);
  const add = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const element = e.currentTarget;
    const form = new FormData(element);
    try {
      const made = await api.addUser(String(form.get('name')).trim(), String(form.get('fullName')).trim(), String(form.get('role')));
      setLink({ name: made.user.name, link: made.link });
      element.reset();
      reload();
    } catch (err) {
      sayError(err);
    }
  };
  if (users.data === null) return users.error ? <Failed error={users.error} again={reload} /> : <Loading what="Reading the accounts" />;
  return (
    <div className="stack">
      <div className="panel scroll-x">
        <table className="table">
          <thead><tr><th scope="col">Name</th><th scope="col">Stands in reports as</th><th scope="col">Role</th><th scope="col">State</th><th scope="col">Last sign-in</th><th scope="col"><span className="only-read">Actions</span></th></tr></thead>
          <tbody>
            {users.data.map((u) => (
              <Line
                key={u.id} user={u} change={(c) => void change(u.id, c)} close={() => setClosing(u)}
                newLink={() => void api.linkUser(u.id).then((l) => setLink({ name: u.name, link: l.link }), sayError)}
              />
            ))}
          </tbody>
        </table>
      </div>
      <form className="panel block" onSubmit={add}>
        <h2>Add a user</h2>
        <div className="fields">
          <label className="field"><span>Name to sign in with</span><input className="input" name="name" required maxLength={64} autoComplete="off" /></label>
          <label className="field"><span>As it shall stand in reports</span><input className="input" name="fullName" maxLength={64} autoComplete="off" placeholder="Dr. Ines Albrecht" /></label>
          <label className="field"><span>Role</span><select className="input" name="role" defaultValue="reader">{ROLES.map((r) => <option key={r}>{r}</option>)}</select></label>
        </div>
        <div className="row end"><button type="submit" className="button primary">Add</button></div>
      </form>
      {link && <Secret title={`One-time link for ${link.name}`} text={new URL(link.link, window.location.origin).href} note="It sets the password, once, within a day. It is not shown again: hand it over by another way than the name." close={() => setLink(null)} />}
      {closing && (
        <Confirm
          title={`Close the account ${closing.name}?`} text="It cannot sign in any more, its sessions and tokens end, and its name stays taken, so that the audit log keeps its meaning." yes="Close the account" close={() => setClosing(null)}
          go={() => { setClosing(null); void api.closeUser(closing.id).then(reload, sayError); }}
        />
      )}
    </div>
  );
}

function Line({ user: u, change, newLink, close }: { user: Account; change: (c: { role?: string; disabled?: boolean }) => void; newLink: () => void; close: () => void }) {
  const self = useSession().session.user?.id === u.id;
  return (
    <tr>
      <td><b>{u.name}</b>{u.outside && <span className="badge outside">organisation</span>}</td>
      <td>{u.fullName}</td>
      <td>
        <select className="input compact" aria-label={`Role of ${u.name}`} value={u.role} disabled={self || u.outside} onChange={(e) => change({ role: e.target.value })}>{ROLES.map((r) => <option key={r}>{r}</option>)}</select>
      </td>
      <td>{u.disabled ? <span className="badge critical">disabled</span> : u.ready ? <span className="badge good">active</span> : <span className="badge urgent">link not used yet</span>}</td>
      <td className="nowrap muted">{u.lastSeen ? moment(u.lastSeen) : 'never'}</td>
      <td>
        <div className="row end">
          {!u.outside && !u.disabled && <button type="button" className="button quiet small" onClick={newLink}>New link</button>}
          {!self && <button type="button" className="button quiet small" onClick={() => change({ disabled: !u.disabled })}>{u.disabled ? 'Enable' : 'Disable'}</button>}
          {!self && <button type="button" className="button quiet small" onClick={close}>Close…</button>}
        </div>
      </td>
    </tr>
  );
}
