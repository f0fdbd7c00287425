import { useSyncExternalStore } from 'react';
import { asApiError } from '../api/useQuery.ts';
import { Icon } from './icons.tsx';

interface Toast { id: number; text: string; bad: boolean }

let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: Toast[]): void {
  toasts = next;
  for (const f of listeners) f();
}

/** say shows a line for a few seconds; screen readers hear it. */
export function say(text: string, bad = false): void {
  const id = ++last;
  change([...toasts.slice(-2), { id, text, bad }]);
  window.setTimeout(() => change(toasts.filter((t) => t.id !== id)), bad ? 9000 : 3500);
}

export function sayError(e: unknown): void {
  const error = asApiError(e);
  say(`${error.what} ${error.remedy}`.trim(), true);
}

export function Toasts() {
  const all = useSyncExternalStore((f) => { listeners.add(f); return () => listeners.delete(f); }, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {all.map((t) => (
        <div key={t.id} className={t.bad ? 'toast bad' : 'toast'}>
          <Icon name={t.bad ? 'alert' : 'check'} />{t.text}
        </div>
      ))}
    </div>
  );
}
