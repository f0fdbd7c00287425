import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from './client.ts';

export interface Query<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
  set: (data: T) => void;
}

/**
 * useQuery asks the node again whenever key changes; an answer that comes after
 * the next question is dropped. While it reloads, the last answer stays on the
 * page. A null key asks nothing.
 */
export function useQuery<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>): Query<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: ApiError | null; loading: boolean }>({
    key, data: null, error: null, loading: key !== null,
  });
  const [round, setRound] = useState(0);
  const question = useRef(ask);
  question.current = ask;

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setState((s) => ({ key, data: s.key === key ? s.data : null, error: null, loading: true }));
    question.current(abort.signal).then(
      (data) => { if (!abort.signal.aborted) setState({ key, data, error: null, loading: false }); },
      (e: unknown) => { if (!abort.signal.aborted) setState((s) => ({ ...s, error: asApiError(e), loading: false })); },
    );
    return () => abort.abort();
  }, [key, round]);

  const reload = useCallback(() => setRound((r) => r + 1), []);
  const set = useCallback((data: T) => setState((s) => ({ ...s, data })), []);
  const current = state.key === key;
  return { data: current ? state.data : null, error: current ? state.error : null, loading: current ? state.loading : key !== null, reload, set };
}

/** asApiError gives any thrown value the three parts that the page shows. */
export function asApiError(e: unknown): ApiError {
  if (e instanceof ApiError) return e;
  const what = e instanceof Error ? e.message : String(e);
  return new ApiError(0, 'PAGE', what, 'Reload the page; if it stays so, report it with what you did before.');
}
