// What those see in whose name no namespace could be found.
// @ts-check
import { h, useDoing, useState } from '../view.js';
import { addNamespace } from '../session.js';
import { followTokens } from '../rows.js';
import { Button, Text } from './basic.js';
import { Empty, Page } from './frame.js';

export function NoNamespace() {
  const [name, setName] = useState(''),
    { error, setError, run } = useDoing();
  const open = (event) => {
    event.preventDefault();
    run(async () => {
      if (!(await addNamespace(name.trim())))
        throw Error(
          `You may not list tokens in ${name.trim()}, or there is no such namespace. ` +
            `Look at the name, or ask for the role apitoken-viewer there.`,
        );
      followTokens();
    });
  };
  return h(
    Page,
    { title: 'Tokens' },
    h(
      Empty,
      { title: 'No namespace of yours was found' },
      h(
        'p',
        'You may list tokens in no namespace that the portal knows of. Ask for the role ',
        h('strong', 'apitoken-viewer'),
        ' or ',
        h('strong', 'apitoken-user'),
        ' in a namespace. If you have it already, name the namespace here.',
      ),
      h(
        'form',
        { onSubmit: open },
        h(Text, {
          label: 'Namespace',
          value: name,
          onValue: (v) => {
            setName(v);
            setError(null);
          },
          error: error?.message,
        }),
        h(Button, { kind: 'main', onPress: open }, 'Show its tokens'),
      ),
    ),
  );
}
