// Changes of a token: its description and its lifetime.
// @ts-check
import { html, say, useState } from '../view.js';
import { call } from '../api.js';
import { pathTo } from '../deeds.js';
import { Button, Problem, Text } from '../parts/basic.js';
import { Dialog } from '../parts/dialog.js';

export function Edit({ object, row, onClose }) {
  const [description, setDescription] = useState(object.spec.description || ''),
    [ttl, setTtl] = useState(object.spec.ttl || ''),
    [error, setError] = useState(/** @type {any} */ (null)),
    [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setError(null);
    const { uid, resourceVersion } = object.metadata,
      change = {
        ...(description !== (object.spec.description || '') && { description }),
        ...(ttl !== (object.spec.ttl || '') && { ttl }),
      };
    try {
      await call('PATCH', pathTo(row), { uid, resourceVersion, ...change });
      onClose();
      say(`${row.name} was changed.`);
    } catch (problem) {
      setError(
        problem.status === 409
          ? {
              message: 'Somebody changed this token meanwhile.',
              remedy: 'Close this, look at it again, and repeat your change.',
            }
          : problem,
      );
      setBusy(false);
    }
  };
  const at = (field) => error?.causes?.find((c) => c.field === field)?.message || '';
  return html`
    <${Dialog} title=${`Edit ${row.name}`} onClose=${onClose} footer=${html`
          <${Button} onPress=${onClose}>Cancel<//><${Button} kind="main" busy=${busy}
              onPress=${save}>Save<//>
        `}>
      <${Text} label="What is it for?" hint=${`${description.length} of 256 characters`}
          value=${description} onValue=${setDescription}
          error=${at('description') || (description.length > 256 ? 'At most 256 characters.' : '')}
          /><${Text} label="Lifetime" hint="Such as 720h or 90m. It counts from the next renewal."
          value=${ttl} onValue=${setTtl} error=${at('ttl')} />
      ${error && !error.causes?.length && html`<${Problem} error=${error} />`}<//>
  `;
}
