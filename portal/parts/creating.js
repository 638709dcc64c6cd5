// Fetches the pane only when somebody makes a token.
// @ts-check
import { html, useEffect, useState } from '../view.js';

let Pane = /** @type {any} */ (null);
export function Creating(args) {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!Pane)
      import('../pages/create.js').then((module) => {
        Pane = module.default;
        redraw(1);
      });
  }, []);
  return Pane && html`<${Pane} ...${args} />`;
}
