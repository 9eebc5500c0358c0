import type * as bindings from './bindings';

export type * from './bindings';

// The generator writes these types twice: as they are sent, and as they could be taken (where a missing field is as
// good as a null). The window is sent them, so here each name means what is sent.

/**
 * Everything that the window can ask of the world outside the webview. The real one is `tauri.ts`; tests and the
 * developer's page hand in a scripted one. A rejection is a `CommandError`.
 */
export type Platform = Omit<typeof bindings.commands, 'subscribe'> & {
  /** Calls back with the whole state first, then with every change. */
  subscribe(onUpdate: (update: Update) => void): Promise<unknown>;
};

/** What can be shown of a failure: always a sentence and a way on. */
export function asProblem(failure: unknown): bindings.CommandError {
  if (typeof failure === 'object' && failure !== null && 'sentence' in failure && 'way' in failure) {
    return failure as bindings.CommandError;
  }
  const text = failure instanceof Error ? failure.message : String(failure);
  return {
    code: 'internal',
    sentence: `Something went wrong that Gavelscope did not expect: ${text}`,
    way: 'Try it once more. If it happens again, restart the application.',
  };
}
