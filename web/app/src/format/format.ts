// How names, dates and figures are written on the page. Pure functions.

/**
 * personName writes a DICOM person name (PS3.5 6.2.1.2: alphabetic=ideographic=phonetic
 * groups of Family^Given^Middle^Prefix^Suffix) as "Family, Prefix Given Middle Suffix (ideographic)".
 */
export function personName(pn: string): string {
  const [alphabetic = '', ideographic = ''] = pn.split('=');
  const first = oneName(alphabetic);
  const second = ideographic.split('^').filter((p) => p.trim() !== '').join(' ');
  if (first === '') return second === '' ? 'No name' : second;
  return second === '' ? first : `${first} (${second})`;
}

function oneName(group: string): string {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((p) => p.trim());
  const rest = [prefix, given, middle, suffix].filter((p) => p !== '').join(' ');
  if (family === '') return rest;
  return rest === '' ? family : `${family}, ${rest}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** dicomDate writes YYYYMMDD as "14 Nov 2026"; what is no date comes back as it is. */
export function dicomDate(da: string): string {
  const m = /^(\d{4})(\d{2})(\d{2})$/.exec(da);
  const month = m ? MONTHS[Number(m[2]) - 1] : undefined;
  return m && month ? `${Number(m[3])} ${month} ${m[1]}` : da;
}

/** dicomTime writes HHMMSS.ffffff as "08:15". */
export function dicomTime(tm: string): string {
  const m = /^(\d{2})(\d{2})/.exec(tm);
  return m ? `${m[1]}:${m[2]}` : tm;
}

/** isoDay turns an <input type=date> value into YYYYMMDD. */
export const isoDay = (day: string): string => day.replaceAll('-', '');

/** day gives YYYYMMDD of a moment, in local time. */
export function day(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
}

/** age in whole years (months below two years) on the day of the study. */
export function age(birth: string, on: string): string {
  const b = /^(\d{4})(\d{2})(\d{2})$/.exec(birth);
  const o = /^(\d{4})(\d{2})(\d{2})$/.exec(on);
  if (!b || !o) return '';
  const months = (Number(o[1]) - Number(b[1])) * 12 + Number(o[2]) - Number(b[2]) - (Number(o[3]) < Number(b[3]) ? 1 : 0);
  if (months < 0) return '';
  return months < 24 ? `${months} mo` : `${Math.floor(months / 12)} y`;
}

export function sex(s: string): string {
  return { M: 'male', F: 'female', O: 'other' }[s] ?? '';
}

/** moment writes an RFC 3339 time as "14 Nov 2026, 08:15". */
export function moment(rfc: string): string {
  const at = new Date(rfc);
  if (Number.isNaN(at.getTime())) return rfc;
  const two = (n: number) => String(n).padStart(2, '0');
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** ago says how long before now a moment was: "now", "4 min", "3 h", "2 d", then the date. */
export function ago(rfc: string, now: Date = new Date()): string {
  const s = (now.getTime() - new Date(rfc).getTime()) / 1000;
  if (Number.isNaN(s)) return '';
  if (s < 60) return 'now';
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  if (s < 7 * 86400) return `${Math.floor(s / 86400)} d`;
  return moment(rfc).split(',')[0] ?? '';
}

/** percent of a probability. It never claims certainty: below 1 % and above 99 % it says so. */
export function percent(p: number): string {
  if (!Number.isFinite(p)) return '–';
  if (p > 0 && p < 0.01) return '<\u20091\u2009%';
  if (p < 1 && p > 0.99) return '>\u200999\u2009%';
  return `${Math.round(p * 100)}\u2009%`;
}

/** interval of a calibrated probability, "74–91 %"; '' where the card carries none. */
export function interval(low: number | null, high: number | null): string {
  if (low === null || high === null) return '';
  return `${Math.round(low * 100)}–${Math.round(high * 100)}\u2009%`;
}

/** bytes in powers of 1000, as disks are sold: "3.4 GB". */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

/** plural("finding", 2) is "2 findings". */
export const plural = (word: string, n: number): string => `${n} ${word}${n === 1 ? '' : 's'}`;

/** words turns a camelCase or snake_case key of the API into words: "queueDepth" is "Queue depth". */
export function words(key: string): string {
  const t = key.replace(/[_-]+/g, ' ').replace(/([a-z0-9])([A-Z])/g, '$1 $2').trim();
  return t === '' ? key : t[0]!.toUpperCase() + t.slice(1).replace(/ [A-Z](?=[a-z])/g, (m) => m.toLowerCase());
}
