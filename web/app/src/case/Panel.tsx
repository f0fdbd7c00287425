import type { Case, Decision, Finding } from '../api/types.ts';
import { moment, plural } from '../format/format.ts';
import { Icon } from '../ui/icons.tsx';
import { Empty } from '../ui/state.tsx';
import type { Editing } from './CasePage.tsx';
import { undecided } from './decide.ts';
import { FindingCard } from './FindingCard.tsx';
import { History } from './History.tsx';

interface Props {
  data: Case;
  tab: 'findings' | 'history';
  setTab: (t: 'findings' | 'history') => void;
  selected: Finding | null;
  select: (f: Finding) => void;
  mayReview: boolean;
  editing: Editing;
  setEditing: (e: Editing) => void;
  decide: (f: Finding, decision: Decision, answer: string, comment: string) => Promise<void>;
  undo: (f: Finding) => void;
  showModel: (name: string) => void;
}

/** Panel is the right side of a case: what the models say, what was refused, what has happened. */
export function Panel(p: Props) {
  const { assessment, history } = p.data;
  const findings = assessment?.findings ?? [];
  const open = undecided(findings).length;
  return (
    <aside className="side-panel" aria-label="Findings and history">
      <div className="tabs" role="tablist">
        <button type="button" role="tab" className="tab" id="tab-findings" aria-selected={p.tab === 'findings'} aria-pressed={undefined} aria-controls="side-body" onClick={() => p.setTab('findings')}>
          Findings<span className="count">{findings.length}</span>
        </button>
        <button type="button" role="tab" className="tab" id="tab-history" aria-selected={p.tab === 'history'} aria-controls="side-body" onClick={() => p.setTab('history')}>
          History<span className="count">{history.length}</span>
        </button>
        <span className="grow" />
        {findings.length > 0 && <span className="progress">{open === 0 ? <><Icon name="check" size={14} />all decided</> : `${findings.length - open} of ${findings.length} decided`}</span>}
      </div>
      <div className="side-body" id="side-body" role="tabpanel" tabIndex={0} aria-labelledby={`tab-${p.tab}`}>
        {p.tab === 'history' ? <History steps={history} /> : <Findings {...p} />}
      </div>
    </aside>
  );
}

function Findings(p: Props) {
  const { assessment, study } = p.data;
  if (assessment === null) return <NoAssessment state={study.state} />;
  return (
    <>
      {assessment.findings.map((f, i) => (
        <FindingCard
          key={f.id} finding={f} number={i + 1} open={p.selected?.id === f.id} select={() => p.select(f)} mayReview={p.mayReview}
          editing={p.editing?.id === f.id ? p.editing.decision : null}
          edit={(decision) => p.setEditing(decision === null ? null : { id: f.id, decision })}
          decide={(decision, answer, comment) => p.decide(f, decision, answer, comment)}
          undo={() => p.undo(f)} showModel={() => p.showModel(f.model.name)}
        />
      ))}
      {assessment.findings.length === 0 && <Empty icon="check" title="No finding"><p>No model of this node answers about the objects of this study.</p></Empty>}
      {assessment.refusals.length > 0 && (
        <section className="refusals">
          <h3>{plural('input', assessment.refusals.length)} not read</h3>
          {assessment.refusals.map((r, i) => (
            <div key={i} className="notice warn"><Icon name="alert" /><div><strong>{r.input}</strong><br />{r.what} {r.do} <span className="mono small muted">{r.code}</span></div></div>
          ))}
        </section>
      )}
      <p className="small muted made">Assessed {moment(assessment.madeAt)}. {assessment.disclaimer}</p>
    </>
  );
}

const WAIT: Partial<Record<Case['study']['state'], [string, string]>> = {
  receiving: ['The study is arriving', 'It is read when no more objects come.'],
  queued: ['Waiting for the panel', 'The study is next when the models are free.'],
  diagnosing: ['The panel is reading', 'Findings appear here by themselves.'],
};

function NoAssessment({ state }: { state: Case['study']['state'] }) {
  const text = WAIT[state];
  if (!text) return <Empty icon="alert" title="No assessment"><p>The models gave none. What went wrong stands above.</p></Empty>;
  return (
    <div className="state" role="status">
      <span className="spinner" aria-hidden="true" />
      <h2>{text[0]}</h2>
      <p>{text[1]}</p>
    </div>
  );
}
