/** What a deed's details come to in one line. Pure. */

/** Details as short text, `name: value`, without what the row says anyway. */
export function detailText(detail: unknown): string {
  if (typeof detail !== 'object' || detail === null) return '';
  const shown = Object.entries(detail).filter(
    ([, value]) => value !== null && value !== '' && value !== undefined,
  );
  return shown.map(([name, value]) => `${name}: ${plain(value)}`).join(' · ');
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(', ');
  if (typeof value === 'object' && value !== null) {
    const { name } = value as { name?: unknown };
    return typeof name === 'string' ? name : JSON.stringify(value);
  }
  return String(value);
}
