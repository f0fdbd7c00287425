import type { ReactNode } from 'react';
import type { Action } from '../app/actions.ts';
import { Link } from '../app/router.tsx';
import { useCan } from '../app/session.tsx';
import { Empty } from '../ui/state.tsx';
import { NodeTab } from './NodeTab.tsx';
import { PeersTab } from './PeersTab.tsx';
import { TokensTab } from './TokensTab.tsx';
import { UsersTab } from './UsersTab.tsx';
import { YouTab } from './YouTab.tsx';
import './settings.css';

const TABS: readonly { id: string; title: string; needs: Action; show: () => ReactNode }[] = [
  { id: 'node', title: 'Node', needs: 'status.view', show: () => <NodeTab /> },
  { id: 'peers', title: 'Peers', needs: 'settings.view', show: () => <PeersTab /> },
  { id: 'users', title: 'Users', needs: 'user.manage', show: () => <UsersTab /> },
  { id: 'tokens', title: 'API tokens', needs: 'token.own', show: () => <TokensTab /> },
  { id: 'you', title: 'You', needs: 'token.own', show: () => <YouTab /> },
];

export default function SettingsPage({ tab }: { tab: string }) {
  const can = useCan();
  const open = TABS.filter((t) => can(t.needs));
  const here = open.find((t) => t.id === tab);
  return (
    <div className="page settings">
      <header><div><h1>Settings</h1></div></header>
      <nav className="tabs" aria-label="Settings">
        {open.map((t) => <Link key={t.id} className="tab" to={`/settings/${t.id}`} aria-current={t.id === tab ? 'page' : undefined}>{t.title}</Link>)}
      </nav>
      {here ? here.show() : <Empty icon="gear" title="There is no such setting, or it is not yours to see" />}
    </div>
  );
}
