/** The icon of every page: the coin beside the word Jeton. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="none" stroke="#2747b8" stroke-width="3"/><circle cx="16" cy="16" r="8" fill="#2747b8"/></svg>';

/** The icon as a data: URI, so that a page needs no further request. */
export const ICON_ADDRESS = `data:image/svg+xml,${encodeURIComponent(ICON)}`;
