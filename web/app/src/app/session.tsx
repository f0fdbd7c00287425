import { createContext, useContext } from 'react';
import type { Session } from '../api/types.ts';
import type { Action } from './actions.ts';

export const SessionContext = createContext<{ session: Session; reload: () => void } | null>(null);

export function useSession(): { session: Session; reload: () => void } {
  const value = useContext(SessionContext);
  if (value === null) throw new Error('useSession outside of App');
  return value;
}

/** useCan says what the node lets this user do. The node decides again at every request. */
export function useCan(): (action: Action) => boolean {
  const { session } = useSession();
  return (action) => session.actions.includes(action);
}
