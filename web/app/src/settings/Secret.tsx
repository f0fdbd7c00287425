import { useState } from 'react';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icons.tsx';

/** Secret shows something that is shown once. */
export function Secret({ title, text, note, close }: { title: string; text: string; note: string; close: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false));
  return (
    <Dialog title={title} close={close}>
      <div className="stack">
        <output className="secret mono">{text}</output>
        <p className="muted">{note}</p>
        <div className="row end">
          <button type="button" className="button" onClick={() => void copy()}>{copied ? <><Icon name="check" />Copied</> : 'Copy'}</button>
          <button type="button" className="button primary" onClick={close}>Done</button>
        </div>
      </div>
    </Dialog>
  );
}

/** Confirm asks before something that cannot be taken back. */
export function Confirm({ title, text, yes, go, close }: { title: string; text: string; yes: string; go: () => void; close: () => void }) {
  return (
    <Dialog title={title} close={close}>
      <div className="stack">
        <p>{text}</p>
        <div className="row end">
          <button type="button" className="button" autoFocus onClick={close}>Cancel</button>
          <button type="button" className="button danger" onClick={go}>{yes}</button>
        </div>
      </div>
    </Dialog>
  );
}
