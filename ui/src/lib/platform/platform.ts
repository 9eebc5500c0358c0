import type { CommandError, commands, Update } from './bindings';

export type * from './bindings';

/**
 * Everything that the window can ask of the world outside the webview. The real one is `tauri.ts`; tests and the
 * developer's page hand in a scripted one. A rejection is a `CommandError`.
 */
export type Platform = Omit<typeof commands, 'subscribe'> & {
  /** Calls back with the whole state first, then with every change. */
  subscribe(onUpdate: (update: Update) => void): Promise<unknown>;
};

/** What can be shown of a failure: always a sentence and a way on. */
export function asProblem(failure: unknown): CommandError {
  if (typeof failure === 'object' && failure !== null && 'sentence' in failure && 'way' in failure) {
    return failure as CommandError;
  }
  const text = failure instanceof Error ? failure.message : String(failure);
  return {
    code: 'internal',
    sentence: `Something went wrong that Gavelscope did not expect: ${text}`,
    way: 'Try it once more. If it happens again, restart the application.',
  };
}
