// The door: by the issuer, by a token, or by the link that the command printed.
// @ts-check
import { h, useDoing, useLoad, useState } from '../view.js';
import { call, signedOut } from '../api.js';
import { route } from '../router.js';
import { Button, Problem, Text } from '../parts/basic.js';
import { Page } from '../parts/frame.js';

/** Why a sign-in ended; nothing of the address is shown, as anybody can make a link. */
const STEPS = {
  __proto__: null,
  refused: ['The issuer did not let you in.', 'Ask who manages accounts there, then try again.'],
  state: [
    'The sign-in took too long, was used already, or began in another browser.',
    'Try again.',
  ],
  issuer: ['The issuer cannot be reached.', 'Try again later, or ask who runs the portal.'],
  code: [
    'The issuer did not accept the sign-in.',
    'Ask who runs the portal; its log has the reason.',
  ],
  claims: [
    "The issuer's answer is not for this portal.",
    'Ask who runs the portal; its log has the reason.',
  ],
  cluster: [
    'The cluster does not accept this sign-in.',
    'Ask who runs the cluster to let kube-apiserver trust the issuer.',
  ],
  full: ['Too many people are signed in.', 'Try again later.'],
};

/** A local path, or the start. */
const local = (to) => (/^\/(?![/\\])/.test(to || '') ? to : '/');

export default function SignIn({ failed }) {
  const { query } = route.use(),
    known = signedOut.use(),
    { value: me, error: refused } = useLoad(() => call('GET', 'session'), []),
    [token, setToken] = useState(''),
    { busy, error, setError, run } = useDoing();
  const [message, remedy] = STEPS[query.step] || ['The sign-in was not finished.', 'Try again.'];
  const to = local(query.to),
    offer = known || refused || {},
    ways = me ? [] : offer.signIn || [],
    oidc = ways.includes('oidc');
  const enter = (event) => {
    event.preventDefault();
    run(async () => {
      await call('POST', 'session', { token: token.trim() });
      setToken('');
      location.assign(to);
    });
  };
  const issuer = () => location.assign(`/signin/start?to=${encodeURIComponent(to)}`);
  return h(
    'div.door',
    h(
      Page,
      { title: failed ? 'Sign-in did not work' : 'Sign in', over: offer.cluster || 'apitoken' },
      failed && [
        h(Problem, {
          error: { message, remedy },
        }),
        /^[0-9a-f]{12}$/.test(query.id || '') &&
          h('p.muted', "The portal's log has more under ", h('code', query.id), '.'),
      ],
      me && [
        h('p', 'You are signed in as ', h('strong', me.user), '.'),
        h(Button, { kind: 'main', onPress: () => location.assign(to) }, 'Go on'),
      ],
      !me &&
        offer.mode === 'local' &&
        h(
          'p',
          'Open the link that ',
          h('code', 'kubectl apitoken web'),
          ' printed. It ends with a key that this page needs, and it works as long as the ' +
            'command runs.',
        ),
      oidc &&
        h(
          'p',
          h(
            Button,
            { kind: 'main', onPress: issuer },
            failed ? 'Try again' : `Sign in with ${offer.issuerName || 'your account'}`,
          ),
        ),
      ways.includes('token') &&
        h(
          'form',
          { onSubmit: enter },
          h(Text, {
            label: 'Use a token',
            hint:
              'From: kubectl create token NAME, or kubectl apitoken login -o token, or ' +
              'your kubeconfig. It stays on the server.',
            error: error?.status ? '' : error?.message,
            input: { type: 'password' },
            value: token,
            onValue: (typed) => {
              setToken(typed);
              setError(null);
            },
          }),
          h(Problem, { error: error?.status && error }),
          h(
            Button,
            {
              kind: oidc ? '' : 'main',
              busy,
              why: token.trim() ? '' : 'Paste a token first.',
              onPress: enter,
            },
            'Sign in',
          ),
        ),
      ways.includes('header') &&
        h(
          'p',
          'Your proxy signs you in. It sent no Authorization header with this page; reload ' +
            'it, or ask who runs the proxy.',
        ),
    ),
  );
}
