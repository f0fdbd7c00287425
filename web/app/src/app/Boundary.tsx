import { Component, type ReactNode } from 'react';
import { asApiError } from '../api/useQuery.ts';
import { Failed } from '../ui/state.tsx';

/** Boundary keeps a fault of one view from taking the page down with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failed error={asApiError(this.state.error)} again={() => window.location.reload()} />;
  }
}
