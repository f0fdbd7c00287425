import { useEffect, useState, type ReactNode } from 'react';
import * as api from '../api/client.ts';
import { Icon, type IconName } from '../ui/icons.tsx';
import { sayError, Toasts } from '../ui/toast.tsx';
import type { Action } from './actions.ts';
import { Help } from './Help.tsx';
import { Link, navigate } from './router.tsx';
import type { Route } from './routes.ts';
import { useCan, useSession } from './session.tsx';
import { toggleTheme, useTheme } from './theme.ts';
import { useKeys } from './useKeys.ts';
import './shell.css';

const PLACES: readonly { view: Route['view']; to: string; text: string; icon: IconName; needs: Action }[] = [
  { view: 'worklist', to: '/', text: 'Worklist', icon: 'list', needs: 'study.list' },
  { view: 'models', to: '/models', text: 'Models', icon: 'model', needs: 'model.view' },
  { view: 'federation', to: '/federation', text: 'Federation', icon: 'network', needs: 'federation.view' },
  { view: 'audit', to: '/audit', text: 'Audit', icon: 'log', needs: 'audit.view' },
  { view: 'settings', to: '/settings', text: 'Settings', icon: 'gear', needs: 'token.own' },
];

const UNDER: Partial<Record<Route['view'], Route['view']>> = { case: 'worklist', letter: 'worklist', report: 'worklist', consent: 'worklist' };

export function Shell({ route, children }: { route: Route; children: ReactNode }) {
  const { session, reload } = useSession();
  const can = useCan();
  const theme = useTheme();
  const [help, setHelp] = useState(false);
  const here = UNDER[route.view] ?? route.view;
  useKeys({
    help: () => setHelp((h) => !h),
    theme: toggleTheme,
    'go.worklist': () => navigate('/'),
    'go.models': () => navigate('/models'),
    'go.federation': () => can('federation.view') && navigate('/federation'),
    'go.audit': () => can('audit.view') && navigate('/audit'),
    'go.settings': () => navigate('/settings'),
  });
  useEffect(() => { document.title = TITLES[route.view] ?? 'Consilium'; }, [route.view]);

  const leave = () => api.logout().then(reload, sayError);
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to the content</a>
      <header className="bar no-print">
        <Link to="/" className="brand" aria-label="Consilium, worklist">
          <img src="/icon.svg" width="22" height="22" alt="" /><span>Consilium</span>
        </Link>
        <nav aria-label="Main">
          {PLACES.filter((p) => can(p.needs)).map((p) => (
            <Link key={p.view} to={p.to} aria-current={p.view === here ? 'page' : undefined}>
              <Icon name={p.icon} /><span>{p.text}</span>
            </Link>
          ))}
        </nav>
        <div className="grow" />
        <button type="button" className="button quiet small icon" aria-label="Keys" title="Keys  ?" onClick={() => setHelp(true)}><Icon name="keys" /></button>
        <button type="button" className="button quiet small icon" aria-label={theme === 'dark' ? 'Light colours' : 'Dark colours'} title="Light or dark  t" onClick={toggleTheme}>
          <Icon name={theme === 'dark' ? 'sun' : 'moon'} />
        </button>
        <span className="who" title={session.user?.role}>
          <Icon name="person" /><span className="clip">{session.user?.fullName || session.user?.name}</span><span className="badge">{session.user?.role}</span>
        </span>
        <button type="button" className="button quiet small icon" aria-label="Sign out" title="Sign out" onClick={leave}><Icon name="exit" /></button>
      </header>
      <main id="main" tabIndex={-1}>{children}</main>
      <footer className="disclaimer">
        <Icon name="info" size={13} />
        <span>{session.disclaimer || 'Decision support for evaluation and research. Not a certified medical device.'}</span>
        <span className="version">Consilium {session.version}</span>
      </footer>
      {help && <Help close={() => setHelp(false)} />}
      <Toasts />
    </div>
  );
}

const TITLES: Partial<Record<Route['view'], string>> = {
  worklist: 'Worklist · Consilium',
  case: 'Case · Consilium',
  letter: 'Letter · Consilium',
  report: 'Report · Consilium',
  consent: 'Consent · Consilium',
  models: 'Models · Consilium',
  federation: 'Federation · Consilium',
  audit: 'Audit · Consilium',
  settings: 'Settings · Consilium',
};
