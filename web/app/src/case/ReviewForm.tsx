import { useEffect, useRef, useState, type FormEvent } from 'react';
import type { Decision, Finding } from '../api/types.ts';

interface Props {
  finding: Finding;
  decision: 'correct' | 'reject';
  cancel: () => void;
  save: (d: Decision, answer: string, comment: string) => Promise<void>;
}

const OTHER = ' other'; // no label begins with a space

/** ReviewForm asks what is right instead of the model's answer, or why it is rejected. */
export function ReviewForm({ finding, decision, cancel, save }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const labels = finding.outcomes.map((o) => o.name).filter((name) => finding.verdict !== 'finding' || name !== finding.answer);
  const [choice, setChoice] = useState(labels[0] ?? OTHER);
  const [own, setOwn] = useState('');
  const [comment, setComment] = useState(finding.review?.comment ?? '');
  const [busy, setBusy] = useState(false);
  const answer = decision === 'reject' ? '' : choice === OTHER ? own.trim() : choice;
  const ready = decision === 'reject' ? comment.trim() !== '' : answer !== '';
  useEffect(() => {
    form.current?.scrollIntoView({ block: 'nearest' });
    form.current?.querySelector<HTMLElement>(decision === 'reject' ? 'textarea' : 'input:checked')?.focus();
  }, [decision]);

  const submit = (e?: FormEvent) => {
    e?.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    void save(decision, answer, comment.trim()).finally(() => setBusy(false));
  };
  return (
    <form
      ref={form} className="review-form" onSubmit={submit}
      onKeyDown={(e) => {
        if (e.key === 'Escape') { e.preventDefault(); cancel(); }
        if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) submit();
      }}
    >
      {decision === 'correct' && (
        <fieldset>
          <legend>What is right?</legend>
          {labels.map((name) => (
            <label key={name} className="row"><input type="radio" name="answer" checked={choice === name} onChange={() => setChoice(name)} />{name}</label>
          ))}
          <label className="row"><input type="radio" name="answer" checked={choice === OTHER} onChange={() => setChoice(OTHER)} />Something else</label>
          {choice === OTHER && <input className="input" value={own} onChange={(e) => setOwn(e.target.value)} placeholder="In your words" aria-label="In your words" maxLength={200} autoFocus />}
        </fieldset>
      )}
      <label className="field">
        <span>{decision === 'reject' ? 'Why is it rejected?' : 'Comment'}</span>
        <textarea className="input" rows={2} value={comment} maxLength={2000} onChange={(e) => setComment(e.target.value)} />
      </label>
      <div className="row">
        <button type="submit" className="button primary small" disabled={!ready || busy}>{decision === 'reject' ? 'Reject the finding' : 'Save the correction'}</button>
        <button type="button" className="button quiet small" onClick={cancel}>Cancel</button>
        <span className="grow" />
        <span className="small muted nowrap"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
      </div>
    </form>
  );
}
