// Line icons, 24 x 24, drawn for this page.

const PATHS = {
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  model: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5',
  network: 'M12 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM5 21a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM19 21a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM11 8l-4.500 8M13 8l4.500 8M7.500 18.500h9',
  log: 'M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h7',
  gear: 'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 2v3M12 19v3M4.9 4.9l2.1 2.1M17 17l2.1 2.1M2 12h3M19 12h3M4.9 19.1L7 17M17 7l2.1-2.1',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.500 10.500z',
  keys: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M7 14h10',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4',
  upload: 'M12 16V4M7 9l5-5 5 5M4 16v4h16v-4',
  check: 'M5 12.5l4.500 4.500L19 7.500',
  pencil: 'M4 20l1-4L16.500 4.500l3 3L8 19zM14 7l3 3',
  cross: 'M6 6l12 12M18 6L6 18',
  alert: 'M12 3.500l9.500 16.500h-19zM12 10v4.500M12 17.500h.01',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.500M12 7.500h.01',
  left: 'M14.500 6l-6 6 6 6',
  right: 'M9.500 6l6 6-6 6',
  down: 'M6 9.500l6 6 6-6',
  image: 'M4 4h16v16H4zM4 16l5-5 4 4 3-3 4 4M15 8.500h.01',
  ecg: 'M2 12h5l2-6 4 13 3-9 1.500 2H22',
  sound: 'M3 12h2M7 8v8M11 4v16M15 7v10M19 10v4',
  report: 'M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h4',
  segmentation: 'M5 9c0-4 5-5 8-4s7 3 6 8-5 6-9 6-5-6-5-10z',
  other: 'M5 5h14v14H5zM9 9h6v6H9z',
  sign: 'M3 19h18M5 15c3-1 7-10 9-10s-2 8 0 9 3-2 5-2',
  letter: 'M3 5h18v14H3zM3 6l9 7 9-7',
  print: 'M7 8V3h10v5M7 17H4V8h16v9h-3M7 14h10v7H7z',
  again: 'M20 12a8 8 0 1 1-2.500-5.800M20 3v5h-5',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4.500 3.500-7 8-7s8 2.500 8 7',
  exit: 'M14 4h5v16h-5M4 12h10M10 8l4 4-4 4',
  window: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
  pan: 'M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3',
  zoom: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4M11 8v6M8 11h6',
  invert: 'M4 4h16v16H4zM4 20L20 4M7 8h4M14 16h4M16 14v4',
  reset: 'M4 12a8 8 0 1 0 2.500-5.800M4 3v5h5',
  layers: 'M12 3l9 5-9 5-9-5zM3 13l9 5 9-5',
  box: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4',
  play: 'M8 5l11 7-11 7z',
  pause: 'M8 5v14M16 5v14',
  shield: 'M12 3l8 3v6c0 5-3.500 8-8 9-4.500-1-8-4-8-9V6zM8.500 12l2.500 2.500 4.500-5',
  ruler: 'M3 16L16 3l5 5L8 21zM7 12l2 2M10 9l2 2M13 6l2 2',
  history: 'M12 7v5l3.500 2M3.500 12a8.500 8.500 0 1 0 2.500-6L3 9M3 4v5h5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={size > 24 ? 1.4 : 1.8} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
