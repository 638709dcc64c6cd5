// What just happened, in words: for the eye at the foot of the page, and for those who listen. A
// dialog has one of its
// own, as the page behind it is silent.
// @ts-check
import { h, spoken, useEffect, useState } from '../view.js';

const SHOWN = 7000;

export function Live() {
  const { text, at } = spoken.use(),
    [shown, show] = useState(false);
  useEffect(() => {
    if (!text || Date.now() - at > SHOWN) return undefined;
    show(true);
    const timer = setTimeout(() => show(false), SHOWN);
    return () => clearTimeout(timer);
  }, [text, at]);
  return h(
    'div',
    { role: 'status', 'aria-live': 'polite', class: shown ? 'live shown' : 'live' },
    shown && text,
  );
}
