// The TokenExpiryConfigs that the viewer may read, kept up to date by a stream while the page is
// visible.
// @ts-check
import { store } from './view.js';
import { ApiError, follow } from './api.js';
import { askRights } from './session.js';

/** items is null where they may not be read. */
export const settings = store({
  items: /** @type {any[] | null} */ (null),
  error: /** @type {any} */ (null),
});
/** What the server answered, until the stream says it too. */
export const keepSettings = (object) =>
  settings.set(({ items }) => ({
    error: null,
    items: [...(items || []).filter((c) => c.metadata.name !== object.metadata.name), object],
  }));

let stop = /** @type {any} */ (null);
export async function followSettings() {
  stop?.();
  try {
    const { cluster } = await askRights();
    if (!cluster.settingsRead.allowed) throw new ApiError({ status: 403 });
  } catch (error) {
    settings.set({ items: null, error });
    return;
  }
  stop = follow(() => 'settings?follow=1', {
    begin() {},
    line: ({ items }) => items && settings.set({ items, error: null }),
    refused(error) {
      settings.set((old) => ({ ...old, error }));
      if (error.status === 403) {
        stop?.();
        settings.set({ items: null, error });
      }
    },
  });
}
