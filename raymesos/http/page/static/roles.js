// Who shares, and how: shares over time, weights, quotas; and why a role has no offer now.

import { h } from './lib/vue.js';
import { look, missing, shown } from './store.js';
import { amounts, bar, card, colour, empty, facts, filterBox, matching, number, percent, roleName, table } from './parts.js';
import { charted, legend, Shares } from './chart.js';
import { roleActs } from './acts.js';
import { reasons } from './jobs.js';

const share = (role) => h('div', { class: 'progress', style: { '--fill': colour(role.role) } }, [
  bar([[role.share, 'role']], `${percent(role.share)} held, entitled to ${percent(role.entitled)}`, role.entitled),
  h('span', { class: 'soft' }, `${percent(role.share)} of ${percent(role.entitled)}`),
]);

export function roles([name]) {
  return name ? one(name) : all();
}

function all() {
  look();
  const rows = shown('roles');
  if (!rows) return h('p', { class: 'loading' }, 'Reading the roles …');
  const none = empty('No role is in use yet: a role is there once a job or a framework asks for offers in it.');
  const found = matching('roles', rows, (role) => [role.role]);
  return [
    card('Shares of the cluster', charted().length ? [h(Shares), legend(charted())] : none),
    card('Roles', table('roles', [
      { name: 'Role', by: (r) => r.role, cell: (r) => roleName(r.role), wide: true },
      { name: 'Share, of what it is entitled to', by: (r) => r.share, cell: share },
      { name: 'Weight', number: true, by: (r) => Number(r.weight), cell: (r) => r.weight },
      { name: 'Runs', number: true, by: (r) => r.running, cell: (r) => number(r.running) },
      { name: 'Waits', number: true, by: (r) => r.waiting, cell: (r) => number(r.waiting) },
      { name: 'Uses', cell: (r) => amounts(r.used) || '–' },
      { name: 'Guarantee', cell: (r) => amounts(r.guarantee) || '–' },
      { name: 'Limit', cell: (r) => amounts(r.limit) || '–' },
      { name: 'Change', cell: (r) => h('div', { class: 'acts' }, roleActs(r)) },
    ], found, (r) => r.role, rows.length ? empty('No role matches.') : none), filterBox('roles', 'Filter by name')),
  ];
}

function one(name) {
  const asked = { subject: name, kind: 'role' };
  look(['explain', asked]);
  const role = shown('roles')?.find((each) => each.role === name);
  const why = shown('explain', asked);
  if (!role) return card(`Role ${name}`, empty(missing('explain', asked) || 'It is not in use.'));
  return [
    card(`Role ${name}`, [
      share(role),
      facts([
        ['Weight', role.weight], ['Share of', role.dominant], ['Uses', amounts(role.used)], ['Is offered', amounts(role.offered)], ['Guarantee', amounts(role.guarantee)], ['Limit', amounts(role.limit)],
        ['Live tasks', number(role.tasks)], ['Inputs of jobs', `${number(role.running)} running, ${number(role.waiting)} waiting`],
      ]),
    ], h('div', { class: 'acts' }, roleActs(role))),
    card('Why does it wait?', why ? reasons(why) : empty(missing('explain', asked) || 'Reading …')),
  ];
}
