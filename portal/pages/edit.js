// Changes of a token: its description and its lifetime.
// @ts-check
import { h, say, useState } from '../view.js';
import { call } from '../api.js';
import { pathTo } from '../deeds.js';
import { Text } from '../parts/basic.js';
import { Ask } from '../parts/dialog.js';

export function Edit({ object, row, onClose }) {
  const { metadata, spec } = object,
    [description, setDescription] = useState(spec.description || ''),
    [ttl, setTtl] = useState(spec.ttl || ''),
    [causes, setCauses] = useState(/** @type {any[]} */ ([]));
  const act = async () => {
    const { uid, resourceVersion } = metadata,
      change = {
        ...(description !== (spec.description || '') && { description }),
        ...(ttl !== (spec.ttl || '') && { ttl }),
      };
    setCauses([]);
    try {
      await call('PATCH', pathTo(row), { uid, resourceVersion, ...change });
    } catch (problem) {
      setCauses(problem.causes || []);
      throw problem.status === 409
        ? {
            message: 'Somebody changed this token meanwhile.',
            remedy: 'Close this, look at it again, then try again.',
          }
        : problem;
    }
    say(`${row.name} was changed.`);
  };
  const at = (field) => causes.find((c) => c.field === field)?.message;
  return h(
    Ask,
    { title: `Edit ${row.name}`, doing: 'Save', kind: '', onClose, act },
    h(Text, {
      label: 'What is it for?',
      hint: `${description.length} of 256 characters`,
      value: description,
      onValue: setDescription,
      error: at('description') || (description.length > 256 ? 'At most 256 characters.' : ''),
    }),
    h(Text, {
      label: 'Lifetime',
      hint: 'Such as 720h or 90m. It counts from the next renewal.',
      value: ttl,
      onValue: setTtl,
      error: at('ttl'),
    }),
  );
}
