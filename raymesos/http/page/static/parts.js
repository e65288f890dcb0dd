// Small pieces that all parts of the page are made of. Each is a function that returns a node.

import { h, reactive } from './lib/vue.js';
import { state, link } from './store.js';

const ROWS_SHOWN = 100;

// ---------------------------------------------------------------- words and numbers

export const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 2 });
export const percent = (part) => `${Math.round(part * 100)} %`;

export function amount(name, value) {
  if (name !== 'mem' && name !== 'disk') return number(value);
  return value >= 1024 ? `${(value / 1024).toLocaleString('en', { maximumFractionDigits: 1 })} GB` : `${number(value)} MB`;
}

export const amounts = (text) => text.split(';').filter(Boolean).map((each) => {
  const at = each.indexOf(':');
  const [name, value] = [each.slice(0, at), each.slice(at + 1)];
  return Number.isNaN(Number(value)) ? `${name} ${value}` : `${name} ${amount(name, Number(value))}`;
}).join(' · ');

export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${String(s % 60).padStart(2, '0')}s`;
  return `${Math.floor(s / 3600)}h ${String(Math.floor(s / 60) % 60).padStart(2, '0')}m`;
}

export const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');

export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;

export const taskWord = (name) => name.replace('TASK_', '').toLowerCase().replaceAll('_', ' ');

export function jobWord(job) {
  if (job.state === 'KillInitiated') return 'cancelling';
  if (job.state !== 'Finished') return job.running ? 'running' : 'waiting';
  if (job.succeeded === job.total) return 'succeeded';
  return job.why === 'cancelled' ? 'cancelled' : 'failed';
}

// ---------------------------------------------------------------- colours

const GOOD = ['active', 'running', 'succeeded', 'finished', 'connected'];
const BUSY = ['waiting', 'staging', 'starting', 'draining', 'cancelling', 'killing', 'deactivated', 'drained', 'suppressed', 'offered', 'recovering', 'recovered', 'disconnected'];
const BAD = ['failed', 'lost', 'error', 'unreachable', 'gone', 'blocked', 'dropped'];

const tone = (word) => (GOOD.includes(word) ? 'good' : BUSY.includes(word) ? 'busy' : BAD.includes(word) ? 'bad' : 'plain');

export const badge = (word) => h('span', { class: ['badge', tone(word)] }, word);

// A role has the same colour everywhere, for as long as the page is open; neighbours differ, also for who sees no red or green.
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#a855f7', '#ef4444', '#06b6d4', '#ec4899', '#84cc16', '#8b5cf6', '#f97316'];
const coloured = new Map();

export function colour(role) {
  if (!coloured.has(role)) coloured.set(role, COLOURS[coloured.size % COLOURS.length]);
  return coloured.get(role);
}

export const dot = (role) => h('span', { class: 'dot', style: { background: colour(role) }, 'aria-hidden': 'true' });
export const roleName = (role) => h('a', { href: link('roles', role), class: 'name', title: role }, [dot(role), role]);

// ---------------------------------------------------------------- pieces

// Parts of 1 as [part, class]; `mark` is a line across the bar. The words are for who does not see it.
export function bar(parts, words, mark) {
  const fills = parts.map(([part, kind]) => h('span', { class: ['fill', kind], style: { width: `${Math.min(1, Math.max(0, part || 0)) * 100}%` } }));
  const line = mark === undefined ? [] : [h('span', { class: 'mark', style: { left: `${Math.min(1, mark) * 100}%` } })];
  return h('div', { class: 'bar', role: 'img', 'aria-label': words, title: words }, [...fills, ...line]);
}

export const card = (title, body, extra = null, kind = '') => h('section', { class: ['card', kind] }, [
  h('header', [h('h2', title), extra]), body,
]);

export const empty = (...text) => h('p', { class: 'empty' }, text);
export const code = (text) => h('code', text);

export const facts = (rows) => h('dl', { class: 'facts' }, rows.filter(([, value]) => value !== '' && value !== null && value !== undefined)
  .flatMap(([name, value]) => [h('dt', name), h('dd', [value])]));

export const button = (text, onClick, kind = '') => h('button', { type: 'button', class: kind, onClick }, text);

export const progress = (job) => {
  const whole = job.total || 1;
  const words = `${job.succeeded} of ${job.total} done, ${job.failed} failed, ${job.running} running`;
  return bar([[job.succeeded / whole, 'done'], [job.failed / whole, 'failed'], [job.running / whole, 'running']], words);
};

// ---------------------------------------------------------------- tables

const tables = reactive({});

// Columns are {name, cell(row), by(row), number, wide}; those with `by` can be sorted by. On a phone a row is a card.
export function table(id, columns, rows, key, none) {
  if (!rows.length) return none;
  const how = (tables[id] ||= { by: '', down: false, most: ROWS_SHOWN });
  const by = columns.find((column) => column.name === how.by)?.by;
  const sorted = by ? [...rows].sort((a, b) => order(by(a), by(b)) * (how.down ? -1 : 1)) : rows;
  const head = columns.map((column) => h('th', {
    scope: 'col', class: { number: column.number }, 'aria-sort': how.by === column.name ? (how.down ? 'descending' : 'ascending') : undefined,
  }, column.by ? h('button', { type: 'button', class: 'sort', onClick: () => sortBy(how, column) }, [column.name, how.by === column.name ? (how.down ? ' ↓' : ' ↑') : '']) : column.name));
  const body = sorted.slice(0, how.most).map((row) => h('tr', { key: key(row) }, columns.map((column) => h('td', {
    'data-label': column.name, class: { number: column.number, wide: column.wide },
  }, [column.cell(row)]))));
  const more = rows.length > how.most
    ? h('p', { class: 'more' }, [`${number(how.most)} of ${number(rows.length)} are shown. `, button('Show more', () => { how.most += ROWS_SHOWN * 4; })]) : null;
  return h('div', { class: 'scroll' }, [h('table', [h('thead', h('tr', head)), h('tbody', body)]), more]);
}

const order = (a, b) => (typeof a === 'number' ? a - b : String(a).localeCompare(String(b)));

function sortBy(how, column) {
  how.down = how.by === column.name ? !how.down : Boolean(column.number);
  how.by = column.name;
}

// ---------------------------------------------------------------- filters

const filters = reactive({});

export const filterText = (id) => filters[id] || '';

export const filterBox = (id, label) => h('input', {
  type: 'search', class: 'filter', placeholder: label, 'aria-label': label, value: filterText(id),
  onInput: (event) => { filters[id] = event.target.value; },
});

export const matching = (id, rows, texts) => {
  const wanted = filterText(id).trim().toLowerCase();
  return wanted ? rows.filter((row) => texts(row).some((text) => String(text).toLowerCase().includes(wanted))) : rows;
};

export const age = (ms) => span(state.now - ms);
