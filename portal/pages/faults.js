// Everything that needs somebody, worst first.
// @ts-check
import { h, useMemo } from '../view.js';
import { stateOf, tokens, useRows } from '../rows.js';
import { KINDS, useFaults } from '../faults.js';
import { link } from '../router.js';
import { Time, full, grouped, now } from '../clock.js';
import { AndMore, Export, useDeeds } from '../deeds.js';
import { Button, Icon, copyText } from '../parts/basic.js';
import { Empty, Page } from '../parts/frame.js';
import { Refused, useRefused } from '../parts/list.js';

const SHOWN = 100;
const linkTo = ({ ns, name }) => link(['tokens', ns, name]);

/** What to do about it. */
function Remedies({ fault: { kind, row, config }, show }) {
  if (config) return h('a.button', { href: link(['settings', config]) }, 'Open settings');
  if (kind === 'failed' || kind === 'silent')
    return h('a.button', { href: linkTo(row) }, 'Look at it');
  return [
    h(Button, { onPress: () => show('Renew', row) }, 'Renew'),
    kind === 'expired' &&
      h(Button, { kind: 'danger', onPress: () => show('Delete', row) }, 'Delete'),
  ];
}

export function FaultList({ faults }) {
  const { dialog, show } = useDeeds();
  return [
    h(
      'div.faults',
      Object.entries(KINDS).map(([kind, { text, icon, tint, book, todo }]) => {
        const found = faults.filter((fault) => fault.kind === kind);
        return (
          found.length > 0 && [
            h('h2', { key: kind }, text, h('span.muted', grouped(found.length))),
            h('p.muted', todo, ' Runbook: ', h('code', 'docs/runbooks/', book, '.md')),
            found.slice(0, SHOWN).map((fault) =>
              h(
                'article',
                { class: `fault is-${tint}`, key: `${kind}${fault.ns}/${fault.name}` },
                h(Icon, { name: icon }),
                h(
                  'div',
                  h(
                    'h3',
                    h(
                      'a',
                      {
                        href: link(
                          fault.config
                            ? ['settings', fault.config]
                            : ['tokens', fault.ns, fault.name],
                        ),
                      },
                      fault.name,
                    ),
                    ' ',
                    h('small.inline', fault.ns && `in ${fault.ns}, `, fault.whose),
                  ),
                  h('p', fault.what),
                  h('small', 'since ', h(Time, { at: fault.since })),
                ),
                h('div.actions', h(Remedies, { fault, show })),
              ),
            ),
            h(AndMore, { of: found, shown: SHOWN }, '; the export has all.'),
          ]
        );
      }),
    ),
    dialog,
  ];
}

const message = (faults) =>
  faults
    .map(
      (f) =>
        `${KINDS[f.kind].text}: ${f.ns ? `${f.ns}/` : ''}${f.name} (${f.whose}). ` +
        `${f.what} ${KINDS[f.kind].todo}`,
    )
    .join('\n');
const HEADS = ['Fault', 'Namespace', 'Name', 'Whose', 'What', 'Since'];

export default function Faults() {
  const { synced } = tokens.use(),
    error = useRefused(),
    all = useRows(() => true, []),
    { faults } = useFaults(all);
  const next = useMemo(
    () =>
      all.reduce(
        (first, row) =>
          row.warnAt > now() && stateOf(row) === 'works' && !(first?.warnAt <= row.warnAt)
            ? row
            : first,
        null,
      ),
    [all],
  );
  const n = faults.length;
  return h(
    Page,
    {
      title: 'Faults',
      documentTitle: n ? `Faults (${n})` : 'Faults',
      actions: n > 0 && [
        h(
          Button,
          { icon: 'copy', onPress: () => copyText(message(faults), 'Copied as a message.') },
          'Copy as message',
        ),
        h(Export, {
          name: 'faults',
          heads: HEADS,
          lines: () =>
            faults.map((f) => [KINDS[f.kind].text, f.ns, f.name, f.whose, f.what, f.since]),
        }),
      ],
    },
    h(Refused, { error }),
    !synced && !error && h('p.loading', { role: 'status' }, 'Loading tokens…'),
    n > 0
      ? h(FaultList, { faults })
      : synced &&
          !error &&
          h(
            Empty,
            { title: 'Nothing needs you' },
            h(
              'p',
              next
                ? [
                    'The next warning is due on ',
                    full(next.warnAt),
                    ', for ',
                    h('a', { href: linkTo(next) }, next.name),
                    '.',
                  ]
                : 'No warning is due.',
            ),
          ),
  );
}
