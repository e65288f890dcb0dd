// The shares of roles over time, stacked, against what each is entitled to. ECharts is fetched when the first picture is drawn.

import { h, onMounted, onUnmounted, ref, watch } from './lib/vue.js';
import { state } from './store.js';
import { colour, percent } from './parts.js';

const ROLES_SHOWN = 8;
const TIMES_SHOWN = 300;
const LOOK_BACK_MS = 3600_000;
const DRAW_MS = 1000;
// The past is kept this coarse, and not of all roles at the same moments: so they are drawn.
const GRAIN_MS = 5000;

// A role counts with its sub-roles, so only those without one above them are stacked.
const tops = (roles) => roles.filter((role) => !roles.some((other) => role !== other && role.startsWith(`${other}/`)));

// Every role at the same times: a point holds until the next one.
export function aligned(history, now) {
  const from = now - LOOK_BACK_MS;
  const grain = (at) => Math.floor(at / GRAIN_MS) * GRAIN_MS;
  const used = tops(Object.keys(history)).filter((role) => history[role].some(([at, share, entitled]) => at >= from && (share || entitled)) || (history[role].at(-1)?.[1] ?? 0) > 0);
  const most = (role) => Math.max(...history[role].map((point) => point[1]));
  const roles = used.sort((a, b) => most(b) - most(a)).slice(0, ROLES_SHOWN).sort();
  let times = [...new Set(roles.flatMap((role) => history[role].map(([at]) => Math.max(grain(at), from))))].sort((a, b) => a - b);
  if (times.length > TIMES_SHOWN) times = times.filter((_, i) => i % Math.ceil(times.length / TIMES_SHOWN) === 0);
  times.push(now);
  return { times, rows: roles.map((role) => ({ role, ...held(history[role].map(([at, ...rest]) => [grain(at), ...rest]), times) })) };
}

function held(points, times) {
  const share = [], entitled = [];
  let at = -1;
  for (const time of times) {
    while (at + 1 < points.length && points[at + 1][0] <= time) at += 1;
    share.push(at < 0 ? 0 : points[at][1]);
    entitled.push(at < 0 ? 0 : points[at][2]);
  }
  return { share, entitled };
}

function options({ times, rows }, style) {
  const line = (role, name, values, more) => ({
    name, type: 'line', step: 'end', symbol: 'none', animation: false, color: colour(role), data: times.map((at, i) => [at, values[i]]), ...more,
  });
  const highest = Math.max(1, ...times.map((_, i) => rows.reduce((sum, { share }) => sum + share[i], 0)));
  const text = style.getPropertyValue('--soft').trim();
  const rule = style.getPropertyValue('--line').trim();
  return {
    grid: { left: 44, right: 12, top: 12, bottom: 24 },
    xAxis: { type: 'time', axisLabel: { color: text, hideOverlap: true, formatter: '{HH}:{mm}:{ss}' }, axisLine: { lineStyle: { color: rule } }, splitNumber: 4 },
    yAxis: { type: 'value', min: 0, max: Math.ceil(highest * 4) / 4, interval: 0.25, axisLabel: { color: text, formatter: percent }, splitLine: { lineStyle: { color: rule } } },
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
  const now = aligned(state.history, Date.now()).rows.map(({ role, share, entitled }) => `${role} holds ${percent(share.at(-1))} and is entitled to ${percent(entitled.at(-1))}`);
  return `Shares over time. Now: ${now.join('; ') || 'none'}`;
}

export const legend = (roles) => h('p', { class: 'legend' }, [
  ...roles.map((role) => h('span', { key: role }, [h('span', { class: 'dot', style: { background: colour(role) } }), role])),
  h('span', { class: 'dashes' }, 'dashed: what each is entitled to'),
]);

export const charted = () => aligned(state.history, state.now).rows.map(({ role }) => role);
