import * as api from '../api/client.ts';
import { useQuery } from '../api/useQuery.ts';
import { caseAddress, Link } from '../app/router.tsx';
import { Icon } from '../ui/icons.tsx';
import { Failed, Loading } from '../ui/state.tsx';
import './letter.css';

/** LetterPage explains a signed result to the patient, on one sheet that can be printed. */
export default function LetterPage({ uid }: { uid: string }) {
  const letter = useQuery(`letter ${uid}`, (signal) => api.letter(uid, signal));
  return (
    <div className="page paper-page">
      <nav className="row no-print" aria-label="Letter">
        <Link className="button quiet" to={caseAddress(uid)}><Icon name="left" />Back to the case</Link>
        <span className="grow" />
        {letter.data && <button type="button" className="button" onClick={() => window.print()}><Icon name="print" />Print</button>}
      </nav>
      {letter.data === null
        ? letter.error ? <Failed error={letter.error} again={letter.reload} /> : <Loading what="Writing the letter" />
        : (
          <article className="paper">
            <h1>{letter.data.title || 'About your examination'}</h1>
            {letter.data.paragraphs.map((p, i) => <p key={i}>{p}</p>)}
            <p className="small-print">{letter.data.disclaimer}</p>
          </article>
        )}
    </div>
  );
}
