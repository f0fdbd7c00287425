import type { Preset } from './presets.ts';
import type { Tool } from './Stage.ts';
import { Icon, type IconName } from '../ui/icons.tsx';

interface Props {
  tool: Tool;
  use: (t: Tool) => void;
  presets: Preset[];
  preset: (n: number) => void;
  invert: () => void;
  inverted: boolean;
  reset: () => void;
  heat: boolean;
  setHeat: (on: boolean) => void;
  opacity: number;
  setOpacity: (o: number) => void;
  hasHeat: boolean;
  regions: boolean;
  setRegions: (on: boolean) => void;
  hasRegions: boolean;
}

const TOOLS: readonly { tool: Tool; icon: IconName; text: string; key: string }[] = [
  { tool: 'window', icon: 'window', text: 'Window', key: 'w' },
  { tool: 'pan', icon: 'pan', text: 'Move', key: 'p' },
  { tool: 'zoom', icon: 'zoom', text: 'Zoom', key: 'z' },
  { tool: 'length', icon: 'ruler', text: 'Measure', key: 'd' },
];

export function Toolbar(p: Props) {
  return (
    <div className="toolbar" role="toolbar" aria-label="Image">
      <div className="group">
        {TOOLS.map((t) => (
          <button key={t.tool} type="button" aria-pressed={p.tool === t.tool} aria-label={t.text} title={`${t.text}  ${t.key}`} onClick={() => p.use(t.tool)}><Icon name={t.icon} /></button>
        ))}
      </div>
      <div className="group">
        <select aria-label="Window preset" value="" onChange={(e) => p.preset(Number(e.target.value))}>
          <option value="" disabled>Preset</option>
          {p.presets.map((preset, i) => <option key={preset.name} value={i}>{i + 1}  {preset.name}</option>)}
        </select>
        <button type="button" aria-pressed={p.inverted} aria-label="Invert" title="Invert  i" onClick={p.invert}><Icon name="invert" /></button>
        <button type="button" aria-label="Reset" title="Reset  0" onClick={p.reset}><Icon name="reset" /></button>
      </div>
      <div className="group overlays">
        <button type="button" aria-pressed={p.heat && p.hasHeat} disabled={!p.hasHeat} aria-label="Heat map" title="Heat map  o" onClick={() => p.setHeat(!p.heat)}><Icon name="layers" /><span>Heat map</span></button>
        <input
          type="range" min={0} max={1} step={0.05} value={p.opacity} disabled={!p.hasHeat || !p.heat} aria-label="Opacity of the heat map" title="Opacity  [ ]"
          onChange={(e) => p.setOpacity(Number(e.target.value))}
        />
        <button type="button" aria-pressed={p.regions && p.hasRegions} disabled={!p.hasRegions} aria-label="Regions" title="Regions  b" onClick={() => p.setRegions(!p.regions)}><Icon name="box" /><span>Regions</span></button>
      </div>
    </div>
  );
}
