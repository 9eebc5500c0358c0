import { fireEvent, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import * as fixtures from '../../testing/fixtures';
import { openWindow, settle } from '../../testing/window';

const now = Date.now();

async function openSettings(confirmAbove: number | null) {
  const app = fixtures.app(now);
  const opened = await openWindow({ ...app, settings: { ...app.settings, confirmAbove } });
  await fireEvent.click(screen.getByTestId('open-settings'));
  await settle();
  return opened;
}

describe('the settings', () => {
  it('ask again above £20m when that is switched on', async () => {
    const { scripted } = await openSettings(null);
    await fireEvent.click(screen.getByRole('switch', { name: 'Ask me again before a large bid' }));
    expect(scripted.asked('saveSettings')[0]).toMatchObject([{ confirmAbove: 20_000_000 }]);
  });

  it('say the limit as money is read', async () => {
    await openSettings(20_000_000);
    expect(screen.getByTestId<HTMLInputElement>('settings-limit').labels?.[0]?.textContent).toContain('£20,000,000');
  });
});
