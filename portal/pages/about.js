// Versions, who you are, and what you may do here.
// @ts-check
import { h, useLoad } from '../view.js';
import { call } from '../api.js';
import { route } from '../router.js';
import { DEEDS, askRights, rightTo, session } from '../session.js';
import { Facts, Problem, Table } from '../parts/basic.js';
import { Page } from '../parts/frame.js';

export default function About() {
  const { ns } = route.use().query,
    me = session.use(),
    { value: about, error } = useLoad(() => call('GET', 'about'), []),
    rights = useLoad(() => askRights(ns), [ns]);
  const deed = ([key, text]) => {
    const { allowed, role, reason } = rightTo(rights.value, key);
    return [
      text[0].toUpperCase() + text.slice(1),
      allowed ? 'Yes' : 'No',
      allowed ? '' : role || reason,
    ];
  };
  return h(
    Page,
    { title: 'About' },
    h(Problem, { error }),
    h(
      'div.grid',
      h(
        'section.card',
        h('h2', 'Versions'),
        h(Facts, {
          of: [
            ['Portal', me.version],
            ['Kubernetes', about?.kubernetes],
            ['Cluster', me.cluster || 'not named'],
            [
              'Opened by',
              me.mode === 'local'
                ? 'kubectl apitoken web, with your kubeconfig'
                : 'the portal of the cluster',
            ],
            ['You', me.user],
            ...(about?.crds || []).map(({ name, version, missing, unknown }) => [
              name,
              [
                version,
                missing.length > 0 &&
                  h('small', 'Missing: ', missing.join(', '), '. Apply the CRDs of this version.'),
                unknown.length > 0 && h('small', 'Newer than this portal: ', unknown.join(', ')),
              ],
            ]),
          ],
        }),
      ),
      h(
        'section.card',
        h('h2', 'Parts made by others'),
        h(Facts, {
          of: (about?.licences || []).map((l) => [l.name, `${l.version}, ${l.licence}`]),
        }),
        h('p', 'Documentation: ', h('code', 'docs/portal.md'), '.'),
      ),
    ),
    h(
      'section.card',
      h('h2', 'What may I do ', ns ? `in ${ns}` : 'in every namespace', '?'),
      h(Problem, { error: rights.error }),
      h(Table, {
        heads: ['Deed', 'Allowed', 'Role to ask for'],
        rows: rights.value ? Object.entries(DEEDS).map(deed) : [],
      }),
    ),
  );
}
