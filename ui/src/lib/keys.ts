/** The keys of the room, in the order in which the help lists them. */
export const keys: readonly { keys: string[]; does: string }[] = [
  { keys: ['B'], does: 'Go to the bid amount' },
  { keys: ['1', '2', '3', '4', '5'], does: 'Bid one of the five steps' },
  { keys: ['Enter'], does: 'Place the bid, or confirm it' },
  { keys: ['Esc'], does: 'Cancel the bid or close what is open' },
  { keys: ['Ctrl', '1'], does: 'Go to the first open auction, and so on to 9' },
  { keys: ['←', '→'], does: 'Go to the next auction, where a tab has the keyboard' },
  { keys: ['Delete'], does: 'Close the auction whose tab has the keyboard' },
  { keys: ['Space'], does: 'In a recording: play, or stand still' },
  { keys: ['[', ']'], does: 'In a recording: one line back, one line on' },
  { keys: ['Ctrl', '+'], does: 'Larger, with − smaller, with 0 as it was' },
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

/** Which tab `Ctrl` and a digit ask for, counted from 1; none where the key asks for something else. */
export function tabAsked(event: KeyboardEvent): number | null {
  const alone = event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
  return alone && event.key >= '1' && event.key <= '9' && event.key.length === 1 ? Number(event.key) : null;
}

/** Whether a dialog has the keyboard. */
export function dialogIsOpen(): boolean {
  return document.querySelector('[role="dialog"][data-state="open"], [role="alertdialog"][data-state="open"]') !== null;
}
