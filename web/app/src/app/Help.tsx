import { useState } from 'react';
import { Dialog } from '../ui/dialog.tsx';
import { KEYMAP, label, type Scope } from './keymap.ts';
import { keysAreOn, turnKeys } from './useKeys.ts';

const SCOPES: readonly [Scope, string][] = [
  ['anywhere', 'Everywhere'],
  ['worklist', 'Worklist'],
  ['case', 'Case'],
  ['image', 'Image'],
  ['ecg', 'ECG'],
  ['sound', 'Sound'],
];

/** Help lists every key of the page. */
export function Help({ close }: { close: () => void }) {
  const [on, setOn] = useState(keysAreOn);
  return (
    <Dialog title="Keys" className="dialog wide" close={close}>
      <div className="keys">
        {SCOPES.map(([scope, title]) => (
          <section key={scope}>
            <h3>{title}</h3>
            <dl>
              {KEYMAP.filter((k) => k.scope === scope).map((k) => (
                <div key={k.id} className="pair">
                  <dt>{k.does}</dt>
                  <dd>{k.keys.map((key) => <kbd key={key}>{label(key)}</kbd>)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label className="row">
        <input type="checkbox" checked={on} onChange={(e) => { turnKeys(e.target.checked); setOn(e.target.checked); }} />
        Single keys do something. Without this only Tab, Enter, the arrows and <kbd>?</kbd> do.
      </label>
      <p className="small muted licences"><a href="/licences.txt" target="_blank" rel="noreferrer">Licences</a> of what this page is made of.</p>
    </Dialog>
  );
}
