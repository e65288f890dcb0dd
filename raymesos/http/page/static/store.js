// What the page knows: the views that somebody looks at now, kept as the server tells them, and where the page is.

import { reactive } from './lib/vue.js';
import { follow, get, view } from './api.js';

const EVENTS_KEPT = 500;
const POINTS_KEPT = 720;
const ALWAYS = ['status', 'roles'];

export const state = reactive({
  me: { cluster: '', version: '', principal: '', roles: [], reads_only: false },
  connected: false,
  refused: '', // why the server tells us nothing
  views: {},
  unknown: {},
  events: [],
  history: {},
  route: [],
  now: Date.now(),
});

let wanted = '';
let liveStop = () => {};

// ---------------------------------------------------------------- where we are: `#/jobs/<id>` is ['jobs', id]

export const link = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;

export function readRoute() {
  const parts = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean);
  state.route = parts.map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
}

// ---------------------------------------------------------------- what is looked at

const named = (name, given = {}) => {
  const query = new URLSearchParams(given).toString();
  return query ? `${name}?${query}` : name;
};

// The view as it is, or undefined until it has come.
export const shown = (name, given) => state.views[named(name, given)];
export const missing = (name, given) => state.unknown[named(name, given)];

// Look at these views from now on, besides those that are always looked at.
export function look(...views) {
  const all = [...new Set([...ALWAYS, ...views.map(([name, given]) => named(name, given))])];
  const query = all.map((each) => `view=${encodeURIComponent(each)}`).join('&');
  if (query === wanted) return;
  wanted = query;
  for (const each of Object.keys(state.views)) if (!all.includes(each)) delete state.views[each];
  state.unknown = {};
  liveStop();
  liveStop = follow(`live?${query}`, take, connection);
}

function take(name, data) {
  state.now = Date.now();
  if (name === 'unknown') {
    delete state.views[data.view];
    state.unknown[data.view] = data.message;
    return;
  }
  delete state.unknown[name];
  state.views[name] = data;
  if (name === 'roles') remember(data);
}

function connection(problem) {
  const was = state.connected;
  state.connected = !problem;
  state.refused = problem && problem.status ? problem.message : '';
  if (!problem && !was) readPast();
}

// ---------------------------------------------------------------- the past

async function readPast() {
  try {
    state.me = await get('me');
    const past = await view('history');
    state.history = past;
    if (state.views.roles) remember(state.views.roles);
  } catch { /* the stream says what is wrong */ }
}

function remember(roles) {
  const at = Date.now();
  for (const role of roles) {
    const points = (state.history[role.role] ||= []);
    const last = points[points.length - 1];
    if (last && last[1] === role.share && last[2] === role.entitled) continue;
    points.push([Math.max(at, last ? last[0] : 0), role.share, role.entitled]);
    if (points.length > POINTS_KEPT) points.shift();
  }
}

function takeEvent(name, data) {
  if (name === 'reset') state.events = [];
  if (name !== 'event') return;
  state.events.unshift(data);
  if (state.events.length > EVENTS_KEPT) state.events.pop();
}

export function begin() {
  readRoute();
  addEventListener('hashchange', readRoute);
  setInterval(() => { state.now = Date.now(); }, 5000);
  follow(`events?last=${EVENTS_KEPT}`, takeEvent);
}
