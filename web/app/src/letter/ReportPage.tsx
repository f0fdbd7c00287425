import * as api from '../api/client.ts';
import { caseAddress, Link } from '../app/router.tsx';
import { Icon } from '../ui/icons.tsx';
import './letter.css';

/** ReportPage shows the report as the node writes it, which is also what is printed and kept. */
export default function ReportPage({ uid }: { uid: string }) {
  const address = api.reportAddress(uid);
  return (
    <div className="report-page">
      <nav className="row" aria-label="Report">
        <Link className="button quiet" to={caseAddress(uid)}><Icon name="left" />Back to the case</Link>
        <span className="grow" />
        <a className="button" href={address} target="_blank" rel="noreferrer"><Icon name="print" />Open to print</a>
      </nav>
      <iframe src={address} title="Report" sandbox="allow-same-origin" />
    </div>
  );
}
