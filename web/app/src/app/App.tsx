import { lazy, Suspense, useEffect, useMemo } from 'react';
import * as api from '../api/client.ts';
import { useQuery } from '../api/useQuery.ts';
import { SignIn, Setup } from '../signin/SignIn.tsx';
import { Empty, Failed, Loading } from '../ui/state.tsx';
import { Toasts } from '../ui/toast.tsx';
import { Worklist } from '../worklist/Worklist.tsx';
import { Boundary } from './Boundary.tsx';
import { loadCase } from './load.ts';
import { Link, usePath } from './router.tsx';
import { route, type Route } from './routes.ts';
import { SessionContext } from './session.tsx';
import { Shell } from './Shell.tsx';

const CasePage = lazy(loadCase);
const LetterPage = lazy(() => import('../letter/LetterPage.tsx'));
const ReportPage = lazy(() => import('../letter/ReportPage.tsx'));
const ModelsPage = lazy(() => import('../models/ModelsPage.tsx'));
const FederationPage = lazy(() => import('../federation/FederationPage.tsx'));
const AuditPage = lazy(() => import('../audit/AuditPage.tsx'));
const ConsentPage = lazy(() => import('../consent/ConsentPage.tsx'));
const SettingsPage = lazy(() => import('../settings/SettingsPage.tsx'));

function View({ to }: { to: Route }) {
  switch (to.view) {
    case 'worklist':
    case 'signin':
    case 'setup': return <Worklist />;
    case 'case': return <CasePage key={to.uid} uid={to.uid} />;
    case 'letter': return <LetterPage uid={to.uid} />;
    case 'report': return <ReportPage uid={to.uid} />;
    case 'consent': return <ConsentPage key={to.patient} patient={to.patient} />;
    case 'models': return <ModelsPage name={to.name} />;
    case 'federation': return <FederationPage job={to.job} />;
    case 'audit': return <AuditPage />;
    case 'settings': return <SettingsPage tab={to.tab} />;
    case 'lost': return <Empty title="There is no such page"><Link className="button" to="/">Go to the worklist</Link></Empty>;
  }
}

export function App() {
  const { path } = usePath();
  const to = useMemo(() => route(path), [path]);
  const { data: session, error, reload } = useQuery('session', api.session);
  useEffect(() => api.setSignedOut(reload), [reload]);

  if (session === null) return error ? <Failed error={error} again={reload} /> : <Loading what="Connecting to the node" />;
  if (to.view === 'setup' && session.user === null) return <Setup session={session} done={reload} />;
  if (session.user === null) return <><SignIn session={session} done={reload} /><Toasts /></>;
  return (
    <SessionContext value={{ session, reload }}>
      <Shell route={to}>
        <Boundary key={path}>
          <Suspense fallback={<Loading />}><View to={to} /></Suspense>
        </Boundary>
      </Shell>
    </SessionContext>
  );
}
