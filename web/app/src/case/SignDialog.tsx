import { useState, type FormEvent } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import type { Case, Finding } from '../api/types.ts';
import { asApiError } from '../api/useQuery.ts';
import { useSession } from '../app/session.tsx';
import { personName, plural } from '../format/format.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icons.tsx';
import { ErrorNotice } from '../ui/state.tsx';
import { standing, undecided } from './decide.ts';

interface Props {
  data: Case;
  close: () => void;
  done: () => void;
  goTo: (f: Finding) => void;
}

/** SignDialog shows what will be signed. It refuses while a finding is undecided; so does the node. */
export function SignDialog({ data, close, done, goTo }: Props) {
  const { session } = useSession();
  const findings = data.assessment?.findings ?? [];
  const open = undecided(findings);
  const [attests, setAttests] = useState(false);
  const [password, setPassword] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    if (open.length > 0 || !attests || busy) return;
    setBusy(true);
    setError(null);
    try {
      await api.sign(data.study.studyUID, password);
      done();
    } catch (e) {
      setError(asApiError(e));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Sign the report" close={close}>
      <form className="stack sign" onSubmit={submit}>
        <p><strong>{personName(data.study.patientName)}</strong> <span className="muted">{data.study.patientID} · {data.study.description}</span></p>
        {open.length > 0 && (
          <div className="notice warn"><Icon name="alert" /><div><strong>{plural('finding', open.length)} still to decide.</strong> Accept, correct or reject every finding before you sign.</div></div>
        )}
        <ul className="to-sign">{findings.map((f) => <li key={f.id}><Line finding={f} goTo={() => goTo(f)} /></li>)}</ul>
        {error && <ErrorNotice error={error} />}
        {open.length === 0 && (
          <>
            <label className="attest">
              <input type="checkbox" checked={attests} onChange={(e) => setAttests(e.target.checked)} autoFocus />
              <span>I have looked at the images and recordings of this study myself, I have reviewed every finding listed here, and I take responsibility for this report.</span>
            </label>
            {session.login.local && (
              <label className="field"><span>Your password, if your site wants it confirmed</span><input className="input" type="password" autoComplete="current-password" value={password} onChange={(e) => setPassword(e.target.value)} /></label>
            )}
          </>
        )}
        <div className="row end">
          <button type="button" className="button" onClick={close}>Cancel</button>
          <button type="submit" className="button primary" disabled={open.length > 0 || !attests || busy}><Icon name="sign" />Sign as {session.user?.fullName || session.user?.name}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Line({ finding: f, goTo }: { finding: Finding; goTo: () => void }) {
  if (f.review === null) {
    return <><span className="badge urgent">Open</span><span className="grow">{f.answer}</span><button type="button" className="link" onClick={goTo}>Go to it</button></>;
  }
  const text = { accept: 'Accepted', correct: 'Corrected', reject: 'Rejected' }[f.review.decision];
  return (
    <>
      <span className={`decision ${f.review.decision}`}>{text}</span>
      <span className="grow">{standing(f) === '' ? <s>{f.answer}</s> : standing(f)}{f.review.comment !== '' && <span className="muted"> · {f.review.comment}</span>}</span>
    </>
  );
}
