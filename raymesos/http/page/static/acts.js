// What can be done at the page. Each is asked for first; the server says no to who may not.

import { act, cancelJob as cancel } from './api.js';
import { ask } from './dialogs.js';
import { button } from './parts.js';
import { state } from './store.js';

const may = () => !state.me.reads_only;

export const cancelAct = (job) => (may() && job.state === 'Accepted' ? button('Cancel job', () => ask({
  title: `Cancel job ${job.name}?`,
  text: `Nothing more of it is started and the ${job.running} that run are killed. What has finished stays readable.`,
  act: () => cancel(job.id), does: 'Cancel the job', done: `job ${job.name} is being cancelled`, danger: true,
}), 'danger') : null);

export function agentActs(agent) {
  // A token that is bound to roles is not good for what is the whole cluster's.
  if (!may() || state.me.roles.length || agent.state === 'gone') return [];
  const given = { agent_id: { value: agent.id } };
  const drain = button('Drain', () => ask({
    title: `Drain ${agent.name}?`,
    text: `It is offered to nobody any more and its ${agent.tasks} tasks are killed; batch jobs run them again elsewhere.`,
    fields: [{ name: 'grace', label: 'Grace for its tasks', value: '30s', hint: 'like 30s or 5m; empty: what each task has of its own' }],
    act: ({ grace }) => act('DRAIN_AGENT', { ...given, ...(grace.trim() ? { max_grace_period: duration(grace) } : {}) }),
    does: 'Drain it', done: `${agent.name} is being drained`, danger: true,
  }));
  const deactivate = button('Deactivate', () => ask({
    title: `Deactivate ${agent.name}?`, text: 'It is offered to nobody any more; its tasks run on.',
    act: () => act('DEACTIVATE_AGENT', given), does: 'Deactivate it', done: `${agent.name} is deactivated`,
  }));
  const reactivate = button('Reactivate', () => ask({
    title: `Reactivate ${agent.name}?`, text: 'It is offered again.',
    act: () => act('REACTIVATE_AGENT', given), does: 'Reactivate it', done: `${agent.name} is offered again`,
  }));
  if (agent.state === 'drained') return [reactivate];
  return agent.state === 'deactivated' ? [reactivate, drain] : agent.state === 'active' ? [drain, deactivate] : [];
}

export const roleActs = (role) => (may() ? [
  button('Weight', () => ask({
    title: `Weight of ${role.role}`, text: 'Twice the weight is entitled to twice the share.',
    fields: [{ name: 'weight', label: 'Weight', value: role.weight, hint: 'a number greater than 0, like 2 or 0.5' }],
    act: ({ weight }) => act('UPDATE_WEIGHTS', { weight_infos: [{ role: role.role, weight: positive(weight) }] }),
    does: 'Set the weight', done: `the weight of ${role.role} is set`,
  })),
  button('Quota', () => ask({
    title: `Quota of ${role.role}`, text: 'A guarantee is kept free for the role; a limit is the most that it may have.',
    fields: [
      { name: 'guarantee', label: 'Guarantee', value: role.guarantee, hint: 'like cpus:4;mem:8192; empty: nothing is guaranteed' },
      { name: 'limit', label: 'Limit', value: role.limit, hint: 'like cpus:8; what it does not name is not limited' },
      { name: 'force', label: 'Also if it is more than there is, or less than is in use', kind: 'checkbox' },
    ],
    act: ({ guarantee, limit, force }) => act('UPDATE_QUOTA', {
      force, quota_configs: [{ role: role.role, guarantees: quantities(guarantee, 'guarantee'), limits: quantities(limit, 'limit') }],
    }),
    does: 'Set the quota', done: `the quota of ${role.role} is set`,
  })),
] : []);

// ---------------------------------------------------------------- what people write, as Mesos' API wants it

const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600 };

function duration(text) {
  const [, value, unit] = text.trim().match(/^(\d+(?:\.\d+)?)(ms|s|m|h)$/) || [];
  if (!unit) throw new Error(`"${text}" must be a time like 30s or 5m`);
  return `${Number((Number(value) * SECONDS[unit]).toFixed(9))}s`;
}

function positive(text) {
  const value = Number(text);
  if (!text.trim() || !(value > 0)) throw new Error(`"${text}" must be a number greater than 0`);
  return value;
}

function quantities(text, field) {
  const found = {};
  for (const each of text.split(';').map((part) => part.trim()).filter(Boolean)) {
    const [, name, value] = each.match(/^([^:]+):(\d+(?:\.\d+)?)$/) || [];
    if (!name) throw Object.assign(new Error(`${field}: "${each}" must be like cpus:4;mem:8192`), { field });
    found[name.trim()] = { value: Number(value) };
  }
  return found;
}
