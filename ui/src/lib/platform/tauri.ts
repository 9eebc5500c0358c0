/** The one room that knows Tauri: nothing outside `lib/platform` may import `@tauri-apps/*`. */
import { Channel } from '@tauri-apps/api/core';

import { commands } from './bindings';
import type { Platform, Update } from './platform';

export const tauri: Platform = {
  ...commands,
  subscribe(onUpdate) {
    const channel = new Channel<Update>();
    channel.onmessage = onUpdate;
    return commands.subscribe(channel);
  },
};
