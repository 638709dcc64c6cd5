// Versions, who you are, and what you may do here.
// @ts-check
import { html, useLoad } from '../view.js';
import { call } from '../api.js';
import { route } from '../router.js';
import { askRights, session } from '../session.js';
import { Problem, plain } from '../parts/basic.js';
import { Page } from '../parts/frame.js';

const DEEDS = [
  ['tokens', 'list', 'See tokens'],
  ['tokens', 'create', 'Make temporary tokens'],
  ['tokens', 'mintPermanent', 'Make permanent tokens'],
  ['tokens', 'patch', 'Renew, revoke and change tokens'],
  ['tokens', 'delete', 'Delete tokens'],
  ['tokens', 'getSecrets', 'Read Secrets'],
  ['tokens', 'listEvents', 'See Events'],
  ['cluster', 'impersonateUsers', 'Make tokens for other users'],
  ['cluster', 'settingsRead', 'See settings'],
  ['cluster', 'settingsWrite', 'Change settings'],
  ['cluster', 'settingsDelete', 'Delete settings'],
];

export default function About() {
  const { query } = route.use(),
    me = session.use(),
    about = useLoad(() => call('GET', 'about'), []),
    rights = useLoad(() => askRights(query.ns), [query.ns]);
  const { value: a } = about,
    { value: r } = rights;
  return html`
    <${Page} title="About">${about.error && html`<${Problem} error=${about.error} />`}
      <div class="grid"><section class="card"><h2>Versions</h2>
          <dl class="facts"><dt>Portal</dt><dd>${me.version}</dd>
            <dt>Kubernetes</dt><dd>${me.kubernetes}</dd>
            <dt>Cluster</dt><dd>${me.cluster || 'not named'}</dd>
            <dt>Opened by</dt><dd>
              ${me.mode === 'local' ? 'kubectl apitoken web, with your kubeconfig' : 'the portal of the cluster'}
            </dd><dt>You</dt><dd>${plain(me.user)}</dd>
            ${(a?.crds || []).map((crd) => html`
              <dt>${crd.name}</dt><dd>${crd.version}${crd.missing.length > 0 && html`
                  <small>Missing: ${crd.missing.join(', ')}. Apply the CRDs of this version.</small>
                `}${crd.unknown.length > 0 && html`
                  <small>Newer than this portal: ${crd.unknown.join(', ')}</small>
                `}</dd>
            `)}</dl></section>
        <section class="card"><h2>Parts made by others</h2>
          <dl class="facts">${(a?.licences || []).map((l) => html`
              <dt>${l.name}</dt><dd>${l.version}, ${l.licence}</dd>
            `)}</dl>
          <p class="muted">Everything is served by this program; nothing is loaded from
              elsewhere.</p><p>Documentation: <code>docs/portal.md</code> in the project.</p>
        </section></div><section class="card"><h2>What may I
            do ${query.ns ? `in ${query.ns}` : 'in every namespace'}?</h2>
        ${rights.error && html`<${Problem} error=${rights.error} />`}
        <div class="scroll" tabindex="0" role="group" aria-label="Table"><table class="plain">
            <thead><tr><th scope="col">Deed</th><th scope="col">Allowed</th>
                <th scope="col">Role to ask for</th></tr></thead>
            <tbody>${r && DEEDS.map(([of, deed, text]) => html`
                <tr><th scope="row">${text}</th><td>${r[of][deed]?.allowed ? 'Yes' : 'No'}</td>
                  <td>${r[of][deed]?.allowed ? '' : r[of][deed]?.role || plain(r[of][deed]?.reason)}
                  </td></tr>
              `)}</tbody></table></div></section><//>
  `;
}
