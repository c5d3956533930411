/** Applies the theme before the page is drawn. A script without imports, so that the browser runs it at once. */
try {
  const theme = localStorage.getItem('ratecache-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the page has the theme of the system.
}
