/** Icons that only terminals have. */
export const ICONS = {
  back: 'M10 4l-4 4 4 4',
  minus: 'M3 8h10',
  play: 'M5 3.5 12.5 8 5 12.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  record: 'M8 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM8 9a1 1 0 1 0 0-2 1 1 0 0 0 0 2z',
};
