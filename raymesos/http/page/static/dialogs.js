// What is asked before something is done, what went wrong, and what was done.

import { h, nextTick, reactive, ref, watch } from './lib/vue.js';

const asked = reactive({ ask: null, values: {}, busy: false, problem: '', field: '' });
const said = reactive({ text: '', timer: 0 });
const SHOWN_MS = 6000;

// `wanted`: {title, text, fields: [{name, label, value, hint, kind}], does, done, danger, act(values)}
export function ask(wanted) {
  const values = Object.fromEntries((wanted.fields || []).map((each) => [each.name, each.value ?? (each.kind === 'checkbox' ? false : '')]));
  Object.assign(asked, { ask: wanted, values, busy: false, problem: '', field: '' });
}

export function say(text) {
  clearTimeout(said.timer);
  said.text = text;
  said.timer = setTimeout(() => { said.text = ''; }, SHOWN_MS);
}

async function go(event) {
  event.preventDefault();
  const wanted = asked.ask;
  asked.busy = true;
  asked.problem = '';
  try {
    await wanted.act(asked.values);
    asked.ask = null;
    if (wanted.done) say(wanted.done);
  } catch (problem) {
    asked.problem = problem.message;
    asked.field = problem.field || '';
  } finally {
    asked.busy = false;
  }
}

const field = (each) => h('label', { key: each.name, class: { wrong: asked.field === each.name, check: each.kind === 'checkbox' } }, [
  h('span', each.label),
  h('input', {
    name: each.name, type: each.kind || 'text', autocomplete: 'off', spellcheck: 'false',
    ...(each.kind === 'checkbox'
      ? { checked: asked.values[each.name], onChange: (event) => { asked.values[each.name] = event.target.checked; } }
      : { value: asked.values[each.name], onInput: (event) => { asked.values[each.name] = event.target.value; } }),
  }),
  each.hint ? h('small', each.hint) : null,
]);

export const Dialog = {
  setup() {
    const box = ref(null);
    watch(() => asked.ask, async (wanted) => {
      await nextTick();
      if (wanted && !box.value.open) box.value.showModal();
      if (!wanted && box.value.open) box.value.close();
    });
    return () => h('dialog', { ref: box, 'aria-labelledby': 'asked', onClose: () => { asked.ask = null; } }, asked.ask ? [
      h('form', { onSubmit: go, key: asked.ask.title }, [
        h('h2', { id: 'asked' }, asked.ask.title),
        asked.ask.text ? h('p', asked.ask.text) : null,
        ...(asked.ask.fields || []).map(field),
        asked.problem ? h('p', { class: 'problem', role: 'alert' }, asked.problem) : null,
        h('footer', [
          h('button', { type: 'button', onClick: () => { asked.ask = null; } }, 'Not now'),
          h('button', { type: 'submit', class: asked.ask.danger ? 'danger' : 'primary', disabled: asked.busy }, asked.ask.does),
        ]),
      ]),
    ] : []);
  },
};

export const Said = () => h('div', { class: ['said', { shown: said.text }], role: 'status', 'aria-live': 'polite' }, said.text);
