import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark' | 'system';

const STORED = 'consilium.theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function stored(): Theme {
  const t = localStorage.getItem(STORED);
  return t === 'light' || t === 'dark' ? t : 'system';
}

function apply(): void {
  const t = stored();
  document.documentElement.dataset.theme = t === 'system' ? (dark.matches ? 'dark' : 'light') : t;
  for (const f of listeners) f();
}

dark.addEventListener('change', apply);
apply();

export function setTheme(t: Theme): void {
  if (t === 'system') localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, t);
  apply();
}

/** shown is the scheme that the page has now. */
export const shown = (): 'light' | 'dark' => (document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');

export const toggleTheme = (): void => setTheme(shown() === 'dark' ? 'light' : 'dark');

export function useTheme(): 'light' | 'dark' {
  return useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, shown);
}
