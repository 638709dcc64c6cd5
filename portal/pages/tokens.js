// All tokens that the viewer may see.
// @ts-check
import { h, useMemo } from '../view.js';
import { useRows } from '../rows.js';
import { link, route, setQuery } from '../router.js';
import { space, useRights, why } from '../session.js';
import { DAY, useNow } from '../clock.js';
import { Page } from '../parts/frame.js';
import { ColumnsMenu, TokenList } from '../parts/list.js';
import { Weeks } from '../parts/bar.js';
import { NoNamespace } from '../parts/nonamespace.js';
import Create from './create.js';

export default function Tokens({ creating }) {
  const { query } = route.use(),
    { all: everywhere, names } = space.use(),
    rights = useRights(query.ns || (everywhere ? '' : names[0]) || ''),
    all = useRows((row) => !query.ns || row.ns === query.ns, [query.ns]),
    day = Math.floor(useNow() / DAY) * DAY;
  const chart = useMemo(
    () =>
      all.length > 0 &&
      h(Weeks, { rows: all, at: day, chosen: query.week, onChoose: (week) => setQuery({ week }) }),
    [all, day, query.week],
  );
  const make = (text) =>
    h('a.button.main', { href: link(['tokens', 'new']), 'aria-describedby': 'new-why' }, text);
  if (!everywhere && !names.length) return h(NoNamespace);
  return h(
    Page,
    {
      wide: true,
      title: 'Tokens',
      actions: [
        h(ColumnsMenu),
        make('Create a new token'),
        h('span.unseen', { id: 'new-why' }, why(rights, 'create')),
      ],
    },
    chart,
    h(TokenList, { all, make: make('Create the first one') }),
    creating && h(Create, { back: ['tokens'] }),
  );
}
