// The door: by the issuer, by a token, or by the link that the command printed.
// @ts-check
import { html, useLoad, useState } from '../view.js';
import { call, signedOut } from '../api.js';
import { route } from '../router.js';
import { Button, Field, Problem, plain } from '../parts/basic.js';
import { Page } from '../parts/frame.js';

/** Why a sign-in ended; nothing of the address is shown, as anybody can make a link. */
const STEPS = {
  __proto__: null,
  refused: ['The issuer did not let you in.', 'Ask who manages accounts there, then try again.'],
  state: ['The sign-in took too long, was used already, or began in another browser.', 'Try again.'],
  issuer: ['The issuer cannot be reached.', 'Try again later, or ask who runs the portal.'],
  code: ['The issuer did not accept the sign-in.', 'Ask who runs the portal; its log has the reason.'],
  claims: ["The issuer's answer is not for this portal.", 'Ask who runs the portal; its log has the reason.'],
  cluster: ['The cluster does not accept this sign-in.', 'Ask who runs the cluster to let kube-apiserver trust the issuer.'],
  full: ['Too many people are signed in.', 'Try again later.'],
};

/** A local path, or the start. */
const local = (to) => (/^\/(?![/\\])/.test(to || '') ? to : '/');

export default function SignIn({ failed }) {
  const { query } = route.use(),
    known = signedOut.use(),
    { value: me, error: refused } = useLoad(() => call('GET', 'session'), []),
    [token, setToken] = useState(''),
    [busy, setBusy] = useState(false),
    [error, setError] = useState(/** @type {any} */ (null));
  const [message, remedy] = STEPS[query.step] || ['The sign-in was not finished.', 'Try again.'];
  const to = local(query.to),
    offer = known || refused || {},
    ways = offer.signIn || [];
  const enter = async (event) => {
    event?.preventDefault?.();
    setBusy(true);
    try {
      await call('POST', 'session', { token: token.trim() });
      setToken('');
      location.assign(to);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  const issuer = () => location.assign(`/signin/start?to=${encodeURIComponent(to)}`);
  return html`
    <div class="door"><${Page} title=${failed ? 'Sign-in did not work' : 'Sign in'}
            over=${offer.cluster ? plain(offer.cluster) : 'apitoken'}>
          ${failed && html`
            <${Problem}
                error=${{ message, remedy }} />${/^[0-9a-f]{12}$/.test(query.id || '') && html`
              <p class="muted">The portal's log has more under <code>
                  ${query.id}</code>.</p>
            `}
          `}
          ${me && html`
            <p>You are signed in as <strong>${plain(me.user)}</strong>.</p>
            <${Button} kind="main" onPress=${() => location.assign(to)}>Go on<//>
          `}
          ${!me && offer.mode === 'local' && html`
            <p>Open the link that <code>kubectl apitoken web</code> printed. It ends with a key that
                this page needs, and it works as long as the command runs.</p>
          `}
          ${!me && ways.includes('oidc') && html`
            <p><${Button} kind="main" onPress=${issuer}>
                  ${failed ? 'Try again' : `Sign in with ${plain(offer.issuerName) || 'your account'}`}
                <//></p>
          `}
          ${
      !me &&
      ways.includes('token') &&
      html`
        <form onSubmit=${enter}><${Field} label="Use a token"
                  hint="From: kubectl create token NAME, or kubectl apitoken login -o token, or your kubeconfig. It stays on the server."
                  error=${error?.status ? '' : error?.message}>
                ${(
        a,
      ) =>
        html`
          <input type="password" autocomplete="off" ...${a} value=${token} onInput=${(e) => {
          setToken(e.target.value);
          setError(null);
        }}
              />
        `}<//>
            ${error?.status && html`<${Problem} error=${error} />`}
            <${Button} kind=${ways.includes('oidc') ? '' : 'main'} busy=${busy}
                why=${token.trim() ? '' : 'Paste a token first.'} onPress=${enter}>Sign in<//>
        </form>
      `
    }
          ${!me && ways.includes('header') && html`
            <p>Your proxy signs you in. It sent no Authorization header with this page; reload it,
                or ask who runs the proxy.</p>
          `}<//></div>
  `;
}
