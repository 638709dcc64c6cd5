// One user: their tokens, their faults, and the end of all of it when they leave.
// @ts-check
import { h, useState } from '../view.js';
import { stateOf, useRows } from '../rows.js';
import { link, route, setQuery } from '../router.js';
import { now, plural } from '../clock.js';
import { BulkDialog } from '../deeds.js';
import { Button, Tabs } from '../parts/basic.js';
import { Empty, Page } from '../parts/frame.js';
import { ColumnsMenu, TokenList } from '../parts/list.js';
import { FaultList } from './faults.js';
import { faultsOf } from '../faults.js';
import Create from './create.js';

export default function User({ user, creating }) {
  const { tab = 'tokens', ns } = route.use().query,
    [ending, setEnding] = useState(false),
    theirs = useRows((row) => row.user === user && (!ns || row.ns === ns), [user, ns]);
  const faults = faultsOf(theirs, [], now()),
    alive = theirs.filter((row) => !['revoked', 'expired'].includes(stateOf(row))),
    add = h('a.button.main', { href: link(['users', user, 'new']) }, 'Add');
  return h(
    Page,
    {
      wide: true,
      title: user,
      over: h('a', { href: link(['users']) }, 'Users'),
      actions: [
        tab === 'tokens' && h(ColumnsMenu),
        h(
          Button,
          {
            kind: 'danger',
            why: alive.length ? '' : 'There is nothing to end.',
            onPress: () => setEnding(true),
          },
          'End all tokens of this user',
        ),
      ],
    },
    h(
      'div.head.section',
      h(Tabs, {
        label: 'About this user',
        open: tab,
        tabs: [
          ['tokens', 'Tokens'],
          ['faults', `Faults${faults.length ? ` (${faults.length})` : ''}`],
        ],
      }),
      tab === 'tokens' && add,
    ),
    tab !== 'faults'
      ? h(TokenList, {
          all: theirs,
          fixed: { user },
          hide: ['user'],
          emptyTitle: `No token speaks for ${user} yet.`,
          make: add,
        })
      : faults.length
        ? h(FaultList, { faults })
        : h(
            Empty,
            { title: 'Nothing of this user needs you' },
            h('p', plural(alive.length, 'token'), ' in order.'),
          ),
    ending && h(BulkDialog, { doing: 'Revoke', rows: alive, onClose: () => setEnding(false) }),
    creating && h(Create, { back: ['users', user], user }),
  );
}
