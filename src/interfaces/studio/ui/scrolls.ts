/** For what scrolls and holds nothing to click: without a tab stop no key reaches it (axe: scrollable-region-focusable). */
export const SCROLLS = { tabIndex: 0 } as const;
