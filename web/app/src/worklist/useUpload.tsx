import { useRef, useState, type ChangeEvent, type DragEvent, type ReactNode } from 'react';
import * as api from '../api/client.ts';
import type { ApiError } from '../api/client.ts';
import { asApiError } from '../api/useQuery.ts';
import { caseAddress, navigate } from '../app/router.tsx';
import { useCan } from '../app/session.tsx';
import { plural } from '../format/format.ts';
import { Icon } from '../ui/icons.tsx';
import { ErrorNotice } from '../ui/state.tsx';

type Sending = { files: number; share: number; uid: string | null; error: ApiError | null };

interface Upload {
  choose: () => void;
  input: ReactNode;
  status: ReactNode;
  dropTarget: {
    onDragEnter?: (e: DragEvent) => void;
    onDragOver?: (e: DragEvent) => void;
    onDragLeave?: (e: DragEvent) => void;
    onDrop?: (e: DragEvent) => void;
    'data-over'?: boolean;
  };
}

/** useUpload sends files that were chosen or dropped, and shows how far it is. */
export function useUpload(sent: () => void): Upload {
  const can = useCan()('study.upload');
  const input = useRef<HTMLInputElement>(null);
  const inside = useRef(0); // dragenter and dragleave also fire for what lies inside
  const [over, setOver] = useState(false);
  const [sending, setSending] = useState<Sending | null>(null);

  const send = async (files: File[]) => {
    if (files.length === 0) return;
    const start: Sending = { files: files.length, share: 0, uid: null, error: null };
    setSending(start);
    try {
      const { studyUID } = await api.upload(files, (share) => setSending({ ...start, share }));
      setSending({ ...start, share: 1, uid: studyUID });
      sent();
    } catch (e) {
      setSending({ ...start, error: asApiError(e) });
    }
  };
  const dragsFiles = (e: DragEvent) => e.dataTransfer.types.includes('Files');
  if (!can) return { choose: () => {}, input: null, status: null, dropTarget: {} };
  return {
    choose: () => input.current?.click(),
    input: (
      <input
        ref={input} type="file" multiple hidden aria-label="Files to add"
        onChange={(e: ChangeEvent<HTMLInputElement>) => { void send([...(e.target.files ?? [])]); e.target.value = ''; }}
      />
    ),
    status: sending && <Status sending={sending} dismiss={() => setSending(null)} />,
    dropTarget: {
      'data-over': over,
      onDragEnter: (e) => { if (dragsFiles(e)) { inside.current++; setOver(true); } },
      onDragOver: (e) => { if (dragsFiles(e)) e.preventDefault(); },
      onDragLeave: () => { inside.current = Math.max(0, inside.current - 1); if (inside.current === 0) setOver(false); },
      onDrop: (e) => {
        e.preventDefault();
        inside.current = 0;
        setOver(false);
        void send([...e.dataTransfer.files]);
      },
    },
  };
}

function Status({ sending, dismiss }: { sending: Sending; dismiss: () => void }) {
  const { files, share, uid, error } = sending;
  if (error) return <div className="row upload"><div className="grow"><ErrorNotice error={error} /></div><Dismiss dismiss={dismiss} /></div>;
  return (
    <div className="row upload">
      <div className={uid === null ? 'notice grow' : 'notice good grow'} role="status">
        <Icon name={uid === null ? 'upload' : 'check'} />
        <div className="grow row">
          <strong>{uid === null ? `Sending ${plural('file', files)}` : `${plural('file', files)} received`}</strong>
          {uid === null
            ? <progress max={1} value={share} aria-label="Progress" />
            : <button type="button" className="button small" onClick={() => navigate(caseAddress(uid))}>Open the study</button>}
        </div>
      </div>
      {uid !== null && <Dismiss dismiss={dismiss} />}
    </div>
  );
}

const Dismiss = ({ dismiss }: { dismiss: () => void }) => (
  <button type="button" className="button quiet icon" aria-label="Dismiss" onClick={dismiss}><Icon name="cross" /></button>
);
