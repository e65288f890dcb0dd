// Agents as a grid, and one of them with its tasks.

import { h } from './lib/vue.js';
import { link, look, missing, shown } from './store.js';
import { amount, amounts, badge, bar, card, count, empty, facts, filterBox, matching } from './parts.js';
import { agentActs } from './acts.js';
import { taskTable } from './tasks.js';

// Ports are many and say little about how full an agent is.
const SHOWN = ['cpus', 'mem', 'gpus', 'disk'];

const bars = (agent) => SHOWN.filter((name) => agent.quantities[name]).map((name) => {
  const [used, whole] = [agent.used[name] || 0, agent.quantities[name]];
  return h('div', { key: name, class: 'small line' }, [
    h('span', name), bar([[used / whole, 'used']], `${name}: ${amount(name, used)} of ${amount(name, whole)} used`), h('span', { class: 'soft' }, `${amount(name, used)} / ${amount(name, whole)}`),
  ]);
});

export const tiles = (rows) => h('div', { class: 'tiles' }, rows.map((agent) => h('a', { key: agent.id, href: link('agents', agent.id), class: ['tile', agent.state] }, [
  h('div', { class: 'line' }, [h('strong', { class: 'name', title: agent.name }, agent.name), badge(agent.state)]),
  ...bars(agent),
  h('div', { class: 'soft' }, count(agent.tasks, 'task')),
])));

export function agents([id]) {
  return id ? one(id) : all();
}

function all() {
  look(['agents']);
  const rows = shown('agents');
  if (!rows) return h('p', { class: 'loading' }, 'Reading the agents …');
  const found = matching('agents', rows, (agent) => [agent.name, agent.id, agent.state, agent.attributes, agent.hostname]);
  const none = rows.length ? empty('No agent matches.') : empty('No agent has registered yet.');
  return card(count(found.length, 'agent'), found.length ? tiles(found) : none, filterBox('agents', 'Filter by name, state, attribute'));
}

function one(id) {
  const given = { agent: id, limit: 100 };
  look(['agent', { agent: id }], ['tasks', given]);
  const agent = shown('agent', { agent: id });
  if (!agent) return card(`Agent ${id}`, empty(missing('agent', { agent: id }) || 'Reading …'));
  const rows = shown('tasks', given) || [];
  return [
    card(`Agent ${agent.name}`, [
      facts([
        ['State', badge(agent.state)], ['Has', amounts(agent.total)], ['Attributes', agent.attributes], ['Host', agent.hostname], ['Id', agent.id],
        ['Reserved', Object.entries(agent.reserved).map(([role, what]) => `${role}: ${amounts(what)}`).join('; ')], ['Volumes', agent.volumes.join(', ')],
      ]),
      h('div', { class: 'resources' }, bars(agent)),
    ], h('div', { class: 'acts' }, agentActs(agent))),
    card('Its tasks, live ones first', taskTable('agent-tasks', rows, empty('No task has run on it yet.'))),
  ];
}
