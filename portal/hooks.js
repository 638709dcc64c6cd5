// What components remember between two drawings, on Preact's documented component class: state,
// values made once, and effects. Only the hooks that the pages use. The order of calls
// tells them apart.
// @ts-check
import { Component } from './vendor/preact.js';

let drawing = /** @type {any} */ (null); // the component that is being drawn
let next = 0; // its next slot
/** What this call of a hook remembered: the same object at each drawing. @returns {any} */
const slot = () => (drawing.slots[next++] ??= {});
/** Whether inputs are others than those remembered, which are then replaced. */
function differ(own, inputs) {
  const before = own.inputs;
  own.inputs = inputs;
  return !before || !inputs || inputs.some((input, i) => input !== before[i]);
}

export function useState(first) {
  const own = slot(),
    me = drawing;
  if (!own.set) {
    own.value = typeof first === 'function' ? first() : first;
    own.set = (to) => {
      const value = typeof to === 'function' ? to(own.value) : to;
      if (value === own.value) return;
      own.value = value;
      me.setState({});
    };
  }
  return [own.value, own.set];
}
export const useRef = (first) => useMemo(() => ({ current: first }), []);
export function useMemo(make, inputs) {
  const own = slot();
  if (differ(own, inputs)) own.value = make();
  return own.value;
}
/** `act` runs with the new nodes in place, before the browser shows them; what it returns is called
 *  before the next run and at the end. */
export const useLayoutEffect = (act, inputs) => effect('now', act, inputs);
/** The same, a moment later. */
export const useEffect = (act, inputs) => effect('later', act, inputs);
function effect(when, act, inputs) {
  const own = slot();
  own.act = act;
  if (differ(own, inputs)) drawing[when].push(own);
}

const end = (own) => own.end?.();
function run(effects) {
  const due = effects.splice(0);
  due.forEach(end);
  for (const own of due) own.end = own.act();
}

/** A component, drawn by a function. */
class Drawn extends Component {
  slots = [];
  now = [];
  later = [];
  draw = (/** @type {any} */ _) => null;
  render(props) {
    run(this.later); // of the drawing before
    drawing = this;
    next = 0;
    return this.draw(props);
  }
  componentDidMount() {
    run(this.now);
    if (this.later[0]) setTimeout(() => run(this.later));
  }
  componentDidUpdate() {
    this.componentDidMount();
  }
  componentWillUnmount() {
    this.later = [];
    this.slots.forEach(end);
  }
}
/** The class that Preact needs of a function that draws. */
export const classOf = (draw) =>
  (draw.ownClass ??= class extends Drawn {
    draw = draw;
  });
