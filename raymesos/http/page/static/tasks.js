// Tasks of all frameworks, and one of them with what it prints.

import { h } from './lib/vue.js';
import { link, look, shown } from './store.js';
import { age, amounts, badge, card, clock, empty, facts, filterBox, matching, roleName, table, taskWord } from './parts.js';
import { Log } from './log.js';

const MOST = 500;
const LIVE = { limit: MOST };

export const taskTable = (id, rows, none) => table(id, [
  { name: 'Task', by: (t) => t.id, cell: (t) => h('a', { href: link('tasks', t.framework, t.id), class: 'name', title: t.id }, t.id), wide: true },
  { name: 'State', by: (t) => t.state, cell: (t) => badge(taskWord(t.state)) },
  { name: 'Role', by: (t) => t.role, cell: (t) => roleName(t.role) },
  { name: 'Agent', by: (t) => t.agent_name, cell: (t) => h('a', { href: link('agents', t.agent), class: 'name' }, t.agent_name) },
  { name: 'Since', by: (t) => -t.at_ms, cell: (t) => h('span', { title: clock(t.at_ms) }, age(t.at_ms)) },
  { name: 'Has', cell: (t) => amounts(t.resources) },
  { name: 'Why', cell: (t) => h('span', { class: t.message || t.reason ? 'why' : 'blank', title: t.message }, t.message || t.reason.replace('REASON_', '').toLowerCase().replaceAll('_', ' ')), wide: true },
], rows, (t) => `${t.framework}/${t.id}`, none);

export function tasks([framework, id]) {
  return id ? one(framework, id) : all();
}

function all() {
  look(['tasks', LIVE]);
  const rows = shown('tasks', LIVE);
  if (!rows) return h('p', { class: 'loading' }, 'Reading the tasks …');
  const found = matching('tasks', rows, (t) => [t.id, taskWord(t.state), t.role, t.agent_name, t.message]);
  const none = rows.length ? empty('No task matches.') : empty('No task has run yet.');
  const body = [taskTable('tasks', found, none), rows.length === MOST ? h('p', { class: 'more' }, `The ${MOST} newest, live ones first.`) : null];
  return card('Tasks', body, filterBox('tasks', 'Filter by id, state, role, agent'));
}

function one(framework, id) {
  const given = { framework, limit: 2000 };
  look(['tasks', given]);
  const rows = shown('tasks', given);
  const task = rows?.find((each) => each.id === id);
  if (!task) return card(`Task ${id}`, empty(rows ? 'It is not known, or was forgotten.' : 'Reading …'));
  return [
    card(`Task ${id}`, facts([
      ['State', badge(taskWord(task.state))], ['Why', task.message || task.reason], ['Name', task.name !== id ? task.name : ''], ['Role', roleName(task.role)],
      ['Agent', h('a', { href: link('agents', task.agent) }, task.agent_name)], ['Has', amounts(task.resources)], ['Framework', h('a', { href: link('frameworks') }, task.framework)], ['Since', clock(task.at_ms)],
    ])),
    card('What it prints', h(Log, { of: { task: id, framework }, key: id })),
  ];
}
