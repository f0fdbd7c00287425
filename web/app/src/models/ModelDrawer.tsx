import * as api from '../api/client.ts';
import { useQuery } from '../api/useQuery.ts';
import { Drawer } from '../ui/dialog.tsx';
import { Markdown } from '../ui/Markdown.tsx';
import { Failed, Loading } from '../ui/state.tsx';

/** ModelDrawer shows the card of a model beside the work. */
export function ModelDrawer({ name, close }: { name: string; close: () => void }) {
  const card = useQuery(`card ${name}`, (signal) => api.modelCard(name, signal));
  return (
    <Drawer title={`Model ${name}`} close={close}>
      {card.data ? <Markdown text={card.data.markdown} /> : card.error ? <Failed error={card.error} again={card.reload} /> : <Loading what="Reading the card" />}
    </Drawer>
  );
}
