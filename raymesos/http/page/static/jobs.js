// Batch jobs, and one of them: how far it is, why it waits, its tasks and what they print.

import { h, reactive } from './lib/vue.js';
import { link, look, missing, shown, state } from './store.js';
import { amounts, badge, card, clock, code, count, empty, facts, filterBox, jobWord, matching, number, progress, roleName, span, table } from './parts.js';
import { cancelAct } from './acts.js';
import { taskTable } from './tasks.js';
import { Log } from './log.js';

const MOST = 500;
const LISTED = { limit: MOST };
const chosen = reactive({});

const why = (job) => {
  if (job.why) return h('span', { class: 'why', title: job.why }, job.why);
  return job.state === 'Accepted' && job.waiting ? h('a', { class: 'why', href: link('jobs', job.id) }, 'why does it wait?') : h('span', { class: 'blank' }, '–');
};
const taken = (job) => (job.ended_ms || state.now) - job.submitted_ms;

export function jobs([id]) {
  return id ? one(id) : all();
}

function all() {
  look(['jobs', LISTED]);
  const rows = shown('jobs', LISTED);
  if (!rows) return h('p', { class: 'loading' }, 'Reading the jobs …');
  const found = matching('jobs', [...rows].reverse(), (job) => [job.name, job.id, job.role, jobWord(job), job.why]);
  const none = rows.length ? empty('No job matches.') : empty('No job yet; submit one with ', code('raymesos submit job.yaml'), ' or ', code('cluster.submit(...)'), '.');
  return card('Jobs', table('jobs', [
    { name: 'Job', by: (j) => j.name, cell: (j) => h('a', { href: link('jobs', j.id), class: 'name', title: `${j.name} (${j.id})` }, j.name), wide: true },
    { name: 'Role', by: (j) => j.role, cell: (j) => roleName(j.role) },
    { name: 'State', by: jobWord, cell: (j) => badge(jobWord(j)) },
    { name: 'Done', by: (j) => j.succeeded / (j.total || 1), cell: (j) => h('div', { class: 'progress' }, [progress(j), h('span', { class: 'soft' }, `${number(j.succeeded)} of ${number(j.total)}`)]) },
    { name: 'Runs', number: true, by: (j) => j.running, cell: (j) => number(j.running) },
    { name: 'Waits', number: true, by: (j) => j.waiting, cell: (j) => number(j.waiting) },
    { name: 'Failed', number: true, by: (j) => j.failed, cell: (j) => number(j.failed) },
    { name: 'Time', number: true, by: taken, cell: (j) => span(taken(j)) },
    { name: 'Why', cell: why, wide: true },
  ], found, (j) => j.id, none), filterBox('jobs', 'Filter by name, role, state'));
}

function one(id) {
  const [named, listed, asked] = [{ job: id }, { job: id, limit: 200 }, { subject: id, kind: 'job' }];
  look(['job', named], ['tasks', listed], ['explain', asked]);
  const job = shown('job', named);
  if (!job) return card(`Job ${id}`, empty(missing('job', named) || 'Reading …'));
  const why = shown('explain', asked);
  return [
    card(`Job ${job.name}`, [
      progress(job),
      facts([
        ['State', badge(jobWord(job))], ['Role', roleName(job.role)], ['Inputs', `${number(job.succeeded)} of ${number(job.total)} done, ${number(job.running)} running, ${number(job.waiting)} waiting, ${number(job.failed)} failed, ${number(job.retried)} retried`],
        ['A task needs', amounts(job.task)], ['Time', span(taken(job))], ['Submitted', clock(job.submitted_ms)], ['Ended', job.ended_ms ? clock(job.ended_ms) : ''], ['Id', job.id],
      ]),
    ], cancelAct(job)),
    card('Why does it wait?', why ? reasons(why) : empty('Reading …')),
    card('Its tasks', taskTable('job-tasks', shown('tasks', listed) || [], empty('No task of it has begun yet.'))),
    card('What it prints', printed(job)),
  ];
}

export const reasons = (why) => h('div', [
  h('p', [badge(why.verdict)]),
  h('ul', { class: 'reasons' }, why.reasons.map((reason, i) => h('li', { key: i }, reason))),
]);

function printed(job) {
  const index = Math.min(chosen[job.id] ?? 0, job.total - 1);
  return [
    h('label', { class: 'inline' }, [`Input, of ${count(job.total, 'input')} from 0: `, h('input', {
      type: 'number', min: 0, max: job.total - 1, value: index,
      onChange: (event) => { chosen[job.id] = Math.max(0, Math.min(job.total - 1, Number(event.target.value) || 0)); },
    })]),
    h(Log, { of: { job: job.id, index } }),
  ];
}
