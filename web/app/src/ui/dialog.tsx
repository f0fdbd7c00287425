import { useEffect, useRef, type ReactNode } from 'react';
import { Icon } from './icons.tsx';

interface Props {
  title: string;
  className?: string;
  close: () => void;
  footer?: ReactNode;
  children: ReactNode;
}

/** Dialog is the browser's own modal dialog: focus stays inside, Escape closes, focus goes back. */
export function Dialog({ title, className = 'dialog', close, footer, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      className={className}
      aria-label={title}
      onCancel={(e) => { e.preventDefault(); close(); }}
      onMouseDown={(e) => { if (e.target === box.current) close(); }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" className="button quiet icon" aria-label="Close" onClick={close}><Icon name="cross" /></button>
      </header>
      <div className="body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}

/** Drawer is a dialog at the right edge, for something to read beside the work. */
export const Drawer = (props: Omit<Props, 'className' | 'footer'>) => <Dialog {...props} className="drawer" />;
