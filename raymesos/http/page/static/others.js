// Frameworks and events.

import { h } from './lib/vue.js';
import { look, shown, state } from './store.js';
import { badge, card, clock, empty, filterBox, matching, number, roleName, table } from './parts.js';

const EVENTS_SHOWN = 200;

export function frameworks() {
  look(['frameworks']);
  const rows = shown('frameworks');
  if (!rows) return h('p', { class: 'loading' }, 'Reading the frameworks …');
  const found = matching('frameworks', rows, (f) => [f.name, f.id, f.state, ...f.roles]);
  return card('Frameworks', table('frameworks', [
    { name: 'Framework', by: (f) => f.name, cell: (f) => h('span', { class: 'name', title: f.name }, f.name), wide: true },
    { name: 'State', by: (f) => f.state, cell: (f) => badge(f.state) },
    { name: 'Roles', cell: (f) => h('span', { class: 'roles' }, f.roles.map((role) => roleName(role))) },
    { name: 'Offers', number: true, by: (f) => f.offers, cell: (f) => number(f.offers) },
    { name: 'Id', by: (f) => f.id, cell: (f) => h('span', { class: 'name soft', title: f.id }, f.id) },
  ], found, (f) => f.id, rows.length ? empty('No framework matches.') : empty('No framework has subscribed yet.')), filterBox('frameworks', 'Filter by name, role, state'));
}

export function events() {
  look();
  const found = matching('events', state.events, (event) => [event.kind, event.subject, event.text]);
  const body = found.length
    ? h('ul', { class: 'events' }, found.slice(0, EVENTS_SHOWN).map((event) => h('li', { key: event.n }, [
      h('time', { title: new Date(event.at_ms).toISOString() }, clock(event.at_ms)), h('span', [h('strong', event.kind), ' ', h('span', { class: 'soft' }, event.subject), ' ', event.text]),
    ])))
    : state.events.length ? empty('No event matches.') : empty('Nothing has happened yet.');
  return card('What happened', body, filterBox('events', 'Filter by kind, subject, text'));
}
