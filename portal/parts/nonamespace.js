// What those see in whose name no namespace could be found.
// @ts-check
import { html, useState } from '../view.js';
import { addNamespace } from '../session.js';
import { followTokens } from '../rows.js';
import { Button, Text } from './basic.js';
import { Empty, Page } from './frame.js';

export function NoNamespace() {
  const [name, setName] = useState(''),
    [error, setError] = useState('');
  const open = async (event) => {
    event?.preventDefault();
    const found = await addNamespace(name.trim()).catch((problem) => {
      setError(problem.message);
      return null;
    });
    if (found === false)
      setError(`You may not list tokens in ${name.trim()}, or there is no such namespace. Look at the name, or ask for the role apitoken-viewer there.`);
    if (found) followTokens();
  };
  return html`
    <${Page} title="Tokens"><${Empty} title="No namespace of yours was found">
            <p>You may list tokens in no namespace that the portal knows of. Ask for the
                role <strong>apitoken-viewer</strong> or <strong>apitoken-user</strong> in a
                namespace. If you have it already, name the namespace here.</p>
            <form onSubmit=${open}><${Text} label="Namespace" value=${name} onValue=${(v) => {
      setName(v);
      setError('');
    }}
                  error=${error} /><${Button} kind="main" onPress=${open}>Show its tokens<//></form>
        <//><//>
  `;
}
