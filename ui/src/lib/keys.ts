/** The keys of the room, in the order in which the help lists them. */
export const keys: readonly { keys: string[]; does: string }[] = [
  { keys: ['B'], does: 'Go to the bid amount' },
  { keys: ['1', '2', '3', '4', '5'], does: 'Bid one of the five steps' },
  { keys: ['Enter'], does: 'Place the bid, or confirm it' },
  { keys: ['Esc'], does: 'Cancel the bid or close what is open' },
  { keys: ['?'], does: 'Show these keys' },
  { keys: ['Tab'], does: 'Go to the next control' },
];

/** Whether a key belongs to a field that somebody types in, or to a shortcut of the system. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('input, textarea, select');
}

/** Whether a dialog has the keyboard. */
export function dialogIsOpen(): boolean {
  return document.querySelector('[role="dialog"][data-state="open"], [role="alertdialog"][data-state="open"]') !== null;
}
