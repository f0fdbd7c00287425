// A router for a dozen addresses: the path is the state, history is the browser's.

import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from 'react';

function subscribe(f: () => void): () => void {
  window.addEventListener('popstate', f);
  return () => window.removeEventListener('popstate', f);
}

/** usePath gives path and query of the address, and renders again when they change. */
export function usePath(): { path: string; search: string } {
  const at = useSyncExternalStore(subscribe, () => window.location.pathname + window.location.search);
  const [path = '/', search = ''] = at.split('?');
  return { path, search };
}

export function navigate(to: string, replace = false): void {
  if (to === window.location.pathname + window.location.search) return;
  window.history[replace ? 'replaceState' : 'pushState'](null, '', to);
  window.dispatchEvent(new PopStateEvent('popstate'));
}

export function Link({ to, onClick, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const go = (e: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(e);
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={go} {...rest} />;
}

// The last part has no dot: the node takes an address that ends like a file's name for a file.
export const caseAddress = (uid: string, view: 'view' | 'letter' | 'report' = 'view'): string => `/case/${encodeURIComponent(uid)}/${view}`;
