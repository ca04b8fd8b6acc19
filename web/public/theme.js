// Runs before the first paint, so that a chosen theme or language never flashes the other one.
(() => {
  try {
    const root = document.documentElement;
    const theme = localStorage.getItem('atelier.theme');
    if (theme === '"light"' || theme === '"dark"') root.dataset.theme = theme.slice(1, -1);
    const language = localStorage.getItem('atelier.language') ?? `"${navigator.language}"`;
    root.lang = language.startsWith('"ko') ? 'ko' : 'en';
  } catch {
    // Storage is switched off: the system's theme it is.
  }
})();
