import { useEffect, useRef, useState } from 'react';
import type { Decision, Finding, Picture } from '../api/types.ts';
import { moment } from '../format/format.ts';
import { urgencyText } from '../ui/badges.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icons.tsx';
import { Outcomes } from './Outcomes.tsx';
import { ReviewForm } from './ReviewForm.tsx';

interface Props {
  finding: Finding;
  number: number;
  open: boolean;
  select: () => void;
  mayReview: boolean;
  editing: Decision | null;
  edit: (d: Decision | null) => void;
  decide: (d: Decision, answer: string, comment: string) => Promise<void>;
  undo: () => void;
  showModel: () => void;
}

const DONE: Record<Decision, string> = { accept: 'Accepted', correct: 'Corrected', reject: 'Rejected' };

export function FindingCard(p: Props) {
  const { finding: f, open } = p;
  const card = useRef<HTMLElement>(null);
  useEffect(() => { if (open) card.current?.scrollIntoView({ block: 'nearest' }); }, [open]);
  const sure = f.verdict === 'finding';
  return (
    <article ref={card} className={`finding ${f.urgency}${open ? ' open' : ''}`} data-finding={f.id}>
      <button type="button" className="head" aria-expanded={open} onClick={p.select}>
        <span className="line">
          <span className={sure ? 'verdict sure' : 'verdict'}>{sure ? urgencyText(f.urgency) : 'Cannot tell'}</span>
          {f.review && <span className={`decision ${f.review.decision}`}><Icon name={f.review.decision === 'accept' ? 'check' : f.review.decision === 'correct' ? 'pencil' : 'cross'} size={13} />{DONE[f.review.decision]}</span>}
        </span>
        <span className={f.review?.decision === 'reject' ? 'answer struck' : 'answer'}>{f.review?.decision === 'correct' ? f.review.answer : f.answer}</span>
        <span className="task">{f.task}</span>
      </button>
      {open && <Body {...p} />}
    </article>
  );
}

function Body(p: Props) {
  const { finding: f } = p;
  return (
    <div className="finding-body">
      <Outcomes finding={f} />
      {f.reasons.length > 0 && <ul className="reasons">{f.reasons.map((r, i) => <li key={i}>{r}</li>)}</ul>}
      {f.notes.length > 0 && <ul className="notes">{f.notes.map((n, i) => <li key={i}><Icon name="info" size={13} /><span>{n}</span></li>)}</ul>}
      <Pictures pictures={f.pictures} />
      <p className="source">
        <button type="button" className="link" onClick={p.showModel} title="Card of the model  m">{f.model.name} {f.model.version}</button>
        <span className="mono" title={f.model.digest}>{f.model.digest.replace(/^sha256:/, '').slice(0, 12)}</span>
      </p>
      {(p.mayReview || p.finding.review) && <div className="review"><Review {...p} /></div>}
    </div>
  );
}

function Review({ finding: f, mayReview, editing, edit, decide, undo }: Props) {
  if (editing === 'correct' || editing === 'reject') {
    return <ReviewForm key={editing} finding={f} decision={editing} cancel={() => edit(null)} save={decide} />;
  }
  if (f.review) {
    return (
      <div className={`reviewed ${f.review.decision}`}>
        <p><strong>{DONE[f.review.decision]}</strong> by {f.review.by}, {moment(f.review.at)}</p>
        {f.review.decision === 'correct' && <p>The model said: {f.answer}</p>}
        {f.review.comment !== '' && <p className="comment">{f.review.comment}</p>}
        {mayReview && <div className="row"><button type="button" className="button small" onClick={undo}>Undo</button></div>}
      </div>
    );
  }
  if (!mayReview) return null;
  return (
    <div className="verdicts" role="group" aria-label="Decision">
      <button type="button" className="button accept" onClick={() => void decide('accept', '', '')}>Accept<kbd>a</kbd></button>
      <button type="button" className="button correct" onClick={() => edit('correct')}>Correct<kbd>c</kbd></button>
      <button type="button" className="button reject" onClick={() => edit('reject')}>Reject<kbd>r</kbd></button>
    </div>
  );
}

/** Pictures are the explanations as they go into the report; a click shows one large. */
function Pictures({ pictures }: { pictures: Picture[] }) {
  const [large, setLarge] = useState<Picture | null>(null);
  if (pictures.length === 0) return null;
  return (
    <div className="pictures">
      {pictures.map((pic, i) => (
        <button key={i} type="button" className="picture-link" onClick={() => setLarge(pic)}>
          <img src={pic.url} alt={pic.caption} loading="lazy" />
          <span>{pic.method.replaceAll('-', ' ')} · {pic.outcome}</span>
        </button>
      ))}
      {large && (
        <Dialog title={`${large.method.replaceAll('-', ' ')}: ${large.outcome}`} className="dialog picture" close={() => setLarge(null)}>
          <img src={large.url} alt={large.caption} />
          <p className="muted">{large.caption}</p>
        </Dialog>
      )}
    </div>
  );
}
