// The shares of roles over time, stacked, against what each is entitled to. ECharts is fetched when the first picture is drawn.

import { h, onMounted, onUnmounted, ref, watch } from './lib/vue.js';
import { state } from './store.js';
import { colour, percent } from './parts.js';

const ROLES_SHOWN = 8;
const STEPS = 180;
const LOOK_BACK_MS = 3600_000;
const DRAW_MS = 1000;
// The past is kept as a point every five seconds, of each role at its own moments: between short tasks these are not the same. Their means over two points or more are.
const STEP_MS = 10_000;
// By so much shares may differ from what is, for the same reason; above it the picture is as high as it must be.
const SLACK = 1.2;

// A role counts with its sub-roles, so only those without one above them are stacked.
const tops = (roles) => roles.filter((role) => !roles.some((other) => role !== other && role.startsWith(`${other}/`)));

// Every role over the same steps of time: the mean of each, where a point holds until the next one.
export function aligned(history, now) {
  const from = now - LOOK_BACK_MS;
  const seen = ([at, share, entitled], i, points) => (points[i + 1]?.[0] ?? now) > from && (share > 0 || entitled > 0);
  const used = tops(Object.keys(history)).filter((role) => history[role].some(seen));
  const most = (role) => Math.max(...history[role].map((point) => point[1]));
  const roles = used.sort((a, b) => most(b) - most(a)).slice(0, ROLES_SHOWN).sort();
  const begin = Math.max(from, Math.min(now, ...roles.map((role) => history[role][0][0])));
  const step = Math.max(STEP_MS, (now - begin) / STEPS);
  const times = [];
  for (let at = begin; at < now; at += step) times.push(at);
  return { times, step, now, rows: roles.map((role) => ({ role, ...means(history[role], times, step, now) })) };
}

function means(points, times, step, now) {
  const share = [], entitled = [];
  let i = -1;
  for (const time of times) {
    const until = Math.min(time + step, now);
    let [sum, due, at] = [0, 0, time];
    while (at < until) {
      while (i + 1 < points.length && points[i + 1][0] <= at) i += 1;
      const end = Math.min(until, points[i + 1]?.[0] ?? until);
      if (i >= 0) {
        sum += points[i][1] * (end - at);
        due += points[i][2] * (end - at);
      }
      at = end;
    }
    share.push(sum / (until - time));
    entitled.push(due / (until - time));
  }
  return { share, entitled };
}

function options({ times, now, rows }, style) {
  const line = (role, name, values, more) => ({
    name, type: 'line', step: 'end', symbol: 'none', animation: false, color: colour(role), data: [...times.map((at, i) => [at, values[i]]), [now, values.at(-1)]], ...more,
  });
  const highest = Math.max(1, ...times.map((_, i) => rows.reduce((sum, { share }) => sum + share[i], 0)));
  const text = style.getPropertyValue('--soft').trim();
  const rule = style.getPropertyValue('--line').trim();
  return {
    grid: { left: 44, right: 12, top: 12, bottom: 24 },
    xAxis: { type: 'time', axisLabel: { color: text, hideOverlap: true, formatter: '{HH}:{mm}:{ss}' }, axisLine: { lineStyle: { color: rule } }, splitNumber: 4 },
    yAxis: { type: 'value', min: 0, max: highest > SLACK ? Math.ceil(highest * 4) / 4 : 1, interval: 0.25, axisLabel: { color: text, formatter: percent }, splitLine: { lineStyle: { color: rule } } },
    tooltip: { trigger: 'axis', valueFormatter: percent, confine: true, order: 'seriesDesc', backgroundColor: style.getPropertyValue('--card').trim(), textStyle: { color: style.getPropertyValue('--text').trim(), fontSize: 12 }, borderColor: rule },
    series: [
      ...rows.map(({ role, share }) => line(role, role, share, { stack: 'share', lineStyle: { width: 0 }, areaStyle: { opacity: 0.55 } })),
      ...rows.map(({ role, entitled }) => line(role, `${role}: entitled to`, entitled, { stack: 'entitled', lineStyle: { width: 2, type: [4, 4] } })),
    ],
  };
}

export const Shares = {
  setup() {
    const place = ref(null);
    const problem = ref('');
    let chart = null, timer = 0, seen = null;
    const draw = () => {
      if (chart && place.value) chart.setOption(options(aligned(state.history, Date.now()), getComputedStyle(place.value)), { replaceMerge: ['series'] });
    };
    onMounted(async () => {
      try {
        const { echarts } = await import('./lib/echarts/index.js');
        if (!place.value) return;
        chart = echarts.init(place.value);
        draw();
        timer = setInterval(draw, DRAW_MS);
        seen = new ResizeObserver(() => chart.resize());
        seen.observe(place.value);
      } catch (error) {
        problem.value = `the picture cannot be drawn: ${error.message}`;
      }
    });
    onUnmounted(() => { clearInterval(timer); seen?.disconnect(); chart?.dispose(); });
    watch(() => Object.keys(state.history).length, draw);
    return () => h('div', [
      h('div', { ref: place, class: 'chart', role: 'img', 'aria-label': words() }),
      problem.value ? h('p', { class: 'problem' }, problem.value) : null,
    ]);
  },
};

function words() {
  const now = aligned(state.history, Date.now()).rows.map(({ role }) => `${role} holds ${percent(state.history[role].at(-1)[1])} and is entitled to ${percent(state.history[role].at(-1)[2])}`);
  return `Shares over time. Now: ${now.join('; ') || 'none'}`;
}

export const legend = (roles) => h('p', { class: 'legend' }, [
  ...roles.map((role) => h('span', { key: role }, [h('span', { class: 'dot', style: { background: colour(role) } }), role])),
  h('span', { class: 'dashes' }, 'dashed: what each is entitled to'),
]);

export const charted = () => aligned(state.history, state.now).rows.map(({ role }) => role);
