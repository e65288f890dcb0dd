// The page: where one is, and around it what is always there.

import { createApp, h, nextTick, reactive, watch } from './lib/vue.js';
import { begin, link, state } from './store.js';
import { Dialog, Said } from './dialogs.js';
import { overview } from './overview.js';
import { roles } from './roles.js';
import { jobs } from './jobs.js';
import { tasks } from './tasks.js';
import { agents } from './agents.js';
import { events, frameworks } from './others.js';

const PLACES = { '': ['Cluster', overview], jobs: ['Jobs', jobs], tasks: ['Tasks', tasks], roles: ['Roles', roles], agents: ['Agents', agents], frameworks: ['Frameworks', frameworks], events: ['Events', events] };
const THEMES = ['system', 'light', 'dark'];
const KEPT_THEME = 'raymesos.theme';
const look = reactive({ theme: localStorage.getItem(KEPT_THEME) || 'system' });

function paint() {
  localStorage.setItem(KEPT_THEME, look.theme);
  if (look.theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = look.theme;
}

const App = {
  setup() {
    watch(() => look.theme, paint, { immediate: true });
    watch(() => state.route[0] || '', async (place) => {
      document.title = `${(PLACES[place] || ['?'])[0]} · raymesos`;
      await nextTick();
      document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      scrollTo(0, 0);
    }, { immediate: true });
    return () => {
      const [place, ...rest] = state.route;
      const shown = (PLACES[place || ''] || [])[1];
      return [
        h('a', { class: 'skip', href: '#main', onClick: skip }, 'To the content'),
        h('header', { class: 'top' }, [
          h('a', { class: 'brand', href: link() }, [h('img', { src: 'page/icon.svg', alt: '', width: 22, height: 22 }), 'raymesos']),
          h('span', { class: 'cluster', title: state.me.cluster }, state.me.cluster),
          connection(),
          h('button', { type: 'button', class: 'theme', title: 'Light, dark, or as the system is', onClick: turn }, `◐ ${look.theme}`),
        ]),
        h('nav', { 'aria-label': 'Parts of the page' }, Object.entries(PLACES).map(([name, [title]], i) => h('a', {
          key: name, href: name ? link(name) : link(), accesskey: String(i + 1), title: `${title} (key ${i + 1})`, 'aria-current': (place || '') === name ? 'page' : undefined,
        }, title))),
        h('main', { id: 'main', tabindex: -1 }, shown ? shown(rest) : h('p', { class: 'empty' }, ['There is nothing here. ', h('a', { href: link() }, 'To the cluster')])),
        h(Dialog), h(Said),
      ];
    };
  },
};

function connection() {
  if (state.connected) return h('span', { class: 'live', role: 'status', title: 'The page shows what is, as it changes' }, 'live');
  return h('span', { class: 'live off', role: 'status' }, state.refused ? `refused: ${state.refused}` : 'connecting …');
}

const turn = () => { look.theme = THEMES[(THEMES.indexOf(look.theme) + 1) % THEMES.length]; };

function skip(event) {
  event.preventDefault();
  document.getElementById('main').focus();
}

// 1 to 7 are the parts of the page, / is the filter.
function pressed(event) {
  const typing = event.target.closest('input, select, textarea, dialog');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const place = Object.keys(PLACES)[Number(event.key) - 1];
  if (place !== undefined) location.hash = place ? link(place) : link();
  else if (event.key === '/') {
    const box = document.querySelector('.filter');
    if (box) { event.preventDefault(); box.focus(); }
  }
}

addEventListener('keydown', pressed);
begin();
createApp(App).mount('#app');
