// The cluster at a glance.

import { h } from './lib/vue.js';
import { link, look, shown, state } from './store.js';
import { amount, badge, bar, card, code, count, empty, number, progress, roleName, taskWord, jobWord, clock } from './parts.js';
import { charted, legend, Shares } from './chart.js';
import { tiles } from './agents.js';

const JOBS = { limit: 8 };
const EVENTS_SHOWN = 8;
const TILES_SHOWN = 60;

export function overview() {
  look(['jobs', JOBS], ['agents']);
  const status = shown('status');
  if (!status) return h('p', { class: 'loading' }, 'Reading the views …');
  return [
    h('div', { class: 'columns' }, [
      card('Resources', resources(status)),
      card('Tasks and jobs', counts(status)),
    ]),
    card('Shares of the cluster', charted().length
      ? [h(Shares), legend(charted())]
      : empty('No role holds anything yet: a role is there once a job or a framework asks for offers in it.'), h('a', { href: link('roles') }, 'Roles')),
    h('div', { class: 'columns' }, [
      card('Jobs', jobs(), h('a', { href: link('jobs') }, 'All jobs')),
      card('What happened', happened(), h('a', { href: link('events') }, 'All events')),
    ]),
    card('Agents', agents(), h('a', { href: link('agents') }, 'All agents')),
  ];
}

function resources(status) {
  const names = Object.entries(status.resources);
  if (!names.length) return empty('No agent is active: nothing can run.');
  return h('div', { class: 'resources' }, [
    ...names.map(([name, r]) => {
      const whole = r.total || 1;
      const free = Math.max(0, r.total - r.used - r.offered);
      return h('div', { key: name, class: 'resource' }, [
        h('div', { class: 'line' }, [h('strong', name), h('span', { class: 'soft' }, `${amount(name, free)} free of ${amount(name, r.total)}`)]),
        bar([[r.used / whole, 'used'], [r.offered / whole, 'offered']], `${name}: ${amount(name, r.used)} used, ${amount(name, r.offered)} offered, ${amount(name, free)} free`),
      ]);
    }),
    h('p', { class: 'legend' }, [
      h('span', [h('span', { class: 'dot used' }), 'used']), h('span', [h('span', { class: 'dot offered' }), 'offered']), h('span', [h('span', { class: 'dot free' }), 'free']),
    ]),
  ]);
}

const big = (value, words, where) => h('a', { href: link(where), class: 'big' }, [h('strong', number(value)), h('span', words)]);

function counts(status) {
  const live = status.jobs.Accepted || 0;
  const tasks = Object.entries(status.tasks);
  return [
    h('div', { class: 'bigs' }, [
      big(status.agents.active, `of ${count(status.agents.known, 'agent')} active`, 'agents'),
      big(live, live === 1 ? 'job under way' : 'jobs under way', 'jobs'),
      big(status.tasks.TASK_RUNNING || 0, 'tasks running', 'tasks'),
      big(status.frameworks, status.frameworks === 1 ? 'framework' : 'frameworks', 'frameworks'),
    ]),
    tasks.length ? h('p', { class: 'chips' }, tasks.map(([name, n]) => h('span', { key: name }, [badge(taskWord(name)), ` ${number(n)}`]))) : empty('No task has run yet.'),
  ];
}

function jobs() {
  const rows = shown('jobs', JOBS);
  if (!rows) return h('p', { class: 'loading' }, '…');
  if (!rows.length) return empty('No job yet; submit one with ', code('raymesos submit job.yaml'), ' or ', code('cluster.submit(...)'), '.');
  return h('ul', { class: 'list' }, [...rows].reverse().map((job) => h('li', { key: job.id }, [
    h('div', { class: 'line' }, [
      h('a', { href: link('jobs', job.id), class: 'name', title: job.name }, job.name),
      badge(jobWord(job)),
    ]),
    progress(job),
    h('div', { class: 'line soft' }, [roleName(job.role), h('span', `${number(job.succeeded)} of ${number(job.total)}${job.failed ? `, ${number(job.failed)} failed` : ''}`)]),
  ])));
}

function happened() {
  if (!state.events.length) return empty('Nothing has happened yet.');
  return h('ul', { class: 'events' }, state.events.slice(0, EVENTS_SHOWN).map((event) => h('li', { key: event.n }, [
    h('time', clock(event.at_ms)), h('span', [h('strong', event.kind), ' ', event.text || event.subject]),
  ])));
}

function agents() {
  const rows = shown('agents');
  if (!rows) return h('p', { class: 'loading' }, '…');
  const here = rows.filter((agent) => agent.state !== 'gone');
  if (!here.length) return empty('No agent has registered yet.');
  return [tiles(here.slice(0, TILES_SHOWN)), here.length > TILES_SHOWN ? h('p', { class: 'more' }, `and ${number(here.length - TILES_SHOWN)} more`) : null];
}
