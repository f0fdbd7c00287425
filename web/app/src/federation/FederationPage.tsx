import { useEffect } from 'react';
import * as api from '../api/client.ts';
import type { FederationJob } from '../api/types.ts';
import { useQuery } from '../api/useQuery.ts';
import { Link } from '../app/router.tsx';
import { bytes, moment } from '../format/format.ts';
import { Icon } from '../ui/icons.tsx';
import { Empty, Failed, Loading } from '../ui/state.tsx';
import { epsilon, left, progress, sees, standing } from './words.ts';
import './federation.css';

const AGAIN = 10_000; // ms, while a job runs

/** FederationPage lists the jobs in which this node learns with others; with a job's name it shows its story. */
export default function FederationPage({ job }: { job: string }) {
  return job === '' ? <Jobs /> : <Story key={job} job={job} />;
}

function Jobs() {
  const { data, error, reload } = useQuery('federation', api.federation);
  const moves = data?.some((j) => j.phase === 'running' || j.phase === 'proposed') ?? false;
  useEffect(() => {
    if (!moves) return;
    const timer = setInterval(reload, AGAIN);
    return () => clearInterval(timer);
  }, [moves, reload]);
  return (
    <div className="page">
      <header><div><h1>Federation</h1><p>Where this hospital learns together with others. What leaves a site is the change of a model’s weights, never an image or a record.</p></div></header>
      {data === null && (error ? <Failed error={error} again={reload} /> : <Loading what="Reading the jobs" />)}
      {data?.length === 0 && <Empty icon="network" title="No job yet"><p>A job appears here once this node is a hub or has joined one: <code>consilium federate --help</code>.</p></Empty>}
      <div className="jobs">{data?.map((j) => <One key={j.id} job={j} />)}</div>
    </div>
  );
}

function One({ job: j }: { job: FederationJob }) {
  const { text, tone } = standing(j);
  const done = progress(j);
  return (
    <article className="panel job" data-job={j.id}>
      <header>
        <div className="grow">
          <h2>{j.title}</h2>
          <p className="small muted"><span className="mono">{j.id}</span>{j.by !== '' && ` · proposed by ${j.by}`}{j.written !== null && ` · written ${moment(j.written)}`}</p>
        </div>
        <span className={`badge ${tone}`}>{text}</span>
      </header>
      {j.trouble !== '' && <p className="notice error" role="alert"><Icon name="alert" /><span>{j.trouble}</span></p>}
      {j.purpose !== '' && <p>{j.purpose}</p>}
      {j.phase === 'finished' && j.reason !== '' && <p className="notice error"><Icon name="alert" /><span>{j.reason}</span></p>}
      {j.waits !== '' && <p className="small muted">Waits for {j.waits}{left(j.until, new Date()) !== '' && `, ${left(j.until, new Date())}`}.</p>}
      {j.phase !== '' && <Figures job={j} done={done} />}
      <footer>
        <span className="small muted">{[j.algorithm, sees(j.sum)].filter((t) => t !== '').join(' · ')}</span>
        {j.phase !== '' && <Link className="button small" to={`/federation/${encodeURIComponent(j.id)}`}><Icon name="report" />Report<span className="only-read"> of {j.title}</span></Link>}
      </footer>
    </article>
  );
}

function Figures({ job: j, done }: { job: FederationJob; done: number | null }) {
  const spent = epsilon(j);
  return (
    <dl className="job-figures">
      <div>
        <dt>Round</dt>
        <dd>{done === null ? '–' : `${j.round} of ${j.rounds}`}{j.phase === 'running' && <span className="muted small"> {[j.attempt > 1 ? `attempt ${j.attempt}` : '', j.step].filter((t) => t !== '').join(', ')}</span>}</dd>
        {done !== null && <dd className="track" aria-hidden="true"><svg viewBox="0 0 100 4" preserveAspectRatio="none"><rect className="rail" width="100" height="4" /><rect className="done" width={100 * done} height="4" /></svg></dd>}
      </div>
      <div><dt>Sites in the last round</dt><dd>{j.asked > 0 ? `${j.in} of ${j.asked}` : '–'}</dd></div>
      <div><dt>Consents</dt><dd>{j.agreed}{j.refused > 0 && <span className="muted small"> {j.refused} refused</span>}</dd></div>
      <div><dt title={spent === '' ? undefined : `at delta ${j.delta}`}>Epsilon spent</dt><dd>{spent === '' ? <span className="muted">no noise</span> : spent}</dd></div>
      <div><dt>Macro-F1, validation</dt><dd>{j.macroF1 === null ? '–' : j.macroF1.toFixed(3)}</dd></div>
      <div><dt>Moved</dt><dd>{bytes(j.bytes)}</dd></div>
    </dl>
  );
}

/** Story shows a job's report as the node writes it, which is also what is printed and kept. */
function Story({ job }: { job: string }) {
  const address = api.federationReport(job);
  return (
    <div className="report-page federation-report">
      <nav className="row" aria-label="Report">
        <Link className="button quiet" to="/federation"><Icon name="left" />All jobs</Link>
        <span className="grow" />
        <a className="button" href={address} target="_blank" rel="noreferrer"><Icon name="print" />Open to print</a>
      </nav>
      <iframe src={address} title={`Report of the job ${job}`} sandbox="" />
    </div>
  );
}
