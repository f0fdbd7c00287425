import { useState } from 'react';
import * as api from '../api/client.ts';
import type { Case } from '../api/types.ts';
import { caseAddress, Link } from '../app/router.tsx';
import { useCan } from '../app/session.tsx';
import { age, dicomDate, dicomTime, moment, personName, sex } from '../format/format.ts';
import { StateBadge, Synthetic, UrgencyBadge } from '../ui/badges.tsx';
import { Icon } from '../ui/icons.tsx';
import { ErrorNotice } from '../ui/state.tsx';
import { say, sayError } from '../ui/toast.tsx';
import { undecided } from './decide.ts';

interface Props {
  data: Case;
  maySign: boolean;
  sign: () => void;
  reload: () => void;
}

export function CaseHead({ data, maySign, sign, reload }: Props) {
  const { study, signature, failure, assessment } = data;
  const can = useCan();
  const [busy, setBusy] = useState(false);
  const facts = [study.patientID, sex(study.patientSex), age(study.patientBirthDate, study.studyDate), dicomDate(study.patientBirthDate)].filter((t) => t !== '');
  const about = [study.description, `${dicomDate(study.studyDate)} ${dicomTime(study.studyTime)}`.trim(), study.accession].filter((t) => t !== '');
  const left = undecided(assessment?.findings ?? []).length;
  const again = () => {
    setBusy(true);
    api.diagnose(study.studyUID)
      .then(() => { say('The study waits for the panel again.'); reload(); }, sayError)
      .finally(() => setBusy(false));
  };
  return (
    <header className="case-head">
      <Link to="/" className="button quiet small icon" aria-label="Back to the worklist" title="Worklist  u"><Icon name="left" /></Link>
      <div className="who-what">
        <div className="row wrap">
          <h1>{personName(study.patientName)}</h1>
          {study.synthetic && <Synthetic />}
          {(study.state === 'ready' || study.state === 'signed') && study.urgency !== 'none' && <UrgencyBadge urgency={study.urgency} />}
          <StateBadge state={study.state} />
        </div>
        <p><span>{facts.join(' · ')}</span><span>{about.join(' · ')}</span></p>
      </div>
      <div className="actions">
        {can('consent.view') && study.patientID !== '' && <Link className="button quiet small" to={`/patients/${encodeURIComponent(study.patientID)}/consent`}><Icon name="shield" />Consent</Link>}
        {signature && <Link className="button quiet small" to={caseAddress(study.studyUID, 'letter')}><Icon name="letter" />Letter</Link>}
        {assessment && <Link className="button quiet small" to={caseAddress(study.studyUID, 'report')}><Icon name="report" />Report</Link>}
        {can('study.diagnose') && signature === null && (study.state === 'ready' || study.state === 'failed') && (
          <button type="button" className="button quiet small" disabled={busy} onClick={again} title="Ask the panel once more"><Icon name="again" />Diagnose again</button>
        )}
        {maySign && <button type="button" className="button primary" onClick={sign}><Icon name="sign" />Sign{left > 0 && <span className="left">{left} open</span>}</button>}
      </div>
      {signature && (
        <div className="notice good banner" role="status">
          <Icon name="sign" /><div><strong>Signed by {signature.by}</strong> on {moment(signature.at)}. {signature.attestation}</div>
        </div>
      )}
      {failure && <div className="banner"><ErrorNotice error={failure} /></div>}
    </header>
  );
}
