/** The one room that knows Tauri: nothing outside `lib/platform` may import `@tauri-apps/*`. */
import { Channel } from '@tauri-apps/api/core';

import { commands, type Update_Deserialize } from './bindings';
import type { Platform, Update } from './platform';

export const tauri: Platform = {
  ...commands,
  subscribe(onUpdate) {
    // The generator takes a channel for something that the window sends; it is sent on it.
    const channel = new Channel<Update_Deserialize>((update) => onUpdate(update as Update));
    return commands.subscribe(channel);
  },
};
