// Window presets. For CT they are Hounsfield units, as readers are used to
// them; elsewhere values have no common unit, so they are shares of the range.

export interface Window {
  lower: number;
  upper: number;
}

export interface Preset {
  name: string;
  window: (range: Window, stored: Window) => Window;
}

const around = (center: number, width: number): Window => ({ lower: center - width / 2, upper: center + width / 2 });
const hounsfield = (name: string, center: number, width: number): Preset => ({ name, window: () => around(center, width) });

const CT: Preset[] = [
  hounsfield('Lung', -600, 1500),
  hounsfield('Mediastinum', 40, 400),
  hounsfield('Bone', 400, 1800),
  hounsfield('Brain', 40, 80),
  hounsfield('Liver', 60, 160),
];

const OTHER: Preset[] = [
  { name: 'As stored', window: (_, stored) => stored },
  { name: 'Full range', window: (range) => range },
  { name: 'More contrast', window: (_, s) => around((s.lower + s.upper) / 2, (s.upper - s.lower) * 0.6) },
  { name: 'Brighter', window: (_, s) => around((s.lower + s.upper) / 2 - (s.upper - s.lower) * 0.2, s.upper - s.lower) },
  { name: 'Darker', window: (_, s) => around((s.lower + s.upper) / 2 + (s.upper - s.lower) * 0.2, s.upper - s.lower) },
];

export const presets = (modality: string): Preset[] => (modality === 'CT' ? CT : OTHER);

/** centre and width, as DICOM writes a window (PS3.3 C.11.2.1.2). */
export function centreWidth(w: Window): { centre: number; width: number } {
  return { centre: Math.round((w.lower + w.upper) / 2), width: Math.round(w.upper - w.lower) };
}
