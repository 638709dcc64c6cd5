// All tokens that the viewer may see.
// @ts-check
import { h, useMemo } from '../view.js';
import { useRows } from '../rows.js';
import { go, route, setQuery } from '../router.js';
import { space, useRights, why } from '../session.js';
import { DAY, useNow } from '../clock.js';
import { Button } from '../parts/basic.js';
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
  // One of several namespaces may allow what another does not: the pane knows.
  const mayNot = query.ns || (!everywhere && names.length === 1) ? why(rights, 'create') : '';
  const make = (text) =>
    h(Button, { kind: 'main', why: mayNot, onPress: () => go(['tokens', 'new']) }, text);
  if (!everywhere && !names.length) return h(NoNamespace);
  return h(
    Page,
    {
      wide: true,
      title: 'Tokens',
      actions: [
        h(ColumnsMenu),
        make('Create a new token'),
      ],
    },
    chart,
    h(TokenList, { all, make: make('Create the first one') }),
    creating && h(Create, { back: ['tokens'] }),
  );
}
