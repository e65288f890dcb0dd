// What a task prints, as it grows.

import { h, nextTick, onUnmounted, reactive, ref, watch } from './lib/vue.js';
import { follow } from './api.js';
import { number } from './parts.js';

// What a browser shows without effort; older text leaves.
const KEPT_CHARS = 400_000;

// Props: `of`, {job, index} or {task, framework}.
export const Log = {
  props: { of: { type: Object, required: true } },
  setup(props) {
    const box = ref(null);
    const log = reactive({ text: '', told: 'reading …', stream: 'stdout', skipped: 0 });
    let stop = () => {};
    let bottom = true;
    const open = () => {
      stop();
      Object.assign(log, { text: '', told: 'reading …', skipped: 0 });
      bottom = true;
      stop = follow(`logs?${new URLSearchParams({ ...props.of, stream: log.stream })}`, take, (problem) => { if (problem) log.told = problem.message; });
    };
    function take(name, data) {
      if (name === 'begin') Object.assign(log, { text: '', skipped: data.skipped, told: `${data.task} on ${data.agent}, as it is written` });
      else if (name === 'waiting') log.told = 'nothing has been written yet';
      else if (name === 'trouble') log.told = data.message;
      else if (name === 'end') { log.told = log.text ? 'that is all: the task has ended' : 'it has ended and wrote nothing here, or its log was cleaned away'; stop(); }
      else {
        log.text += data.text;
        if (log.text.length > KEPT_CHARS) { log.skipped += log.text.length - KEPT_CHARS; log.text = log.text.slice(-KEPT_CHARS); }
        if (bottom) nextTick(() => { if (box.value) box.value.scrollTop = box.value.scrollHeight; });
      }
    }
    const scrolled = () => { bottom = box.value.scrollTop + box.value.clientHeight > box.value.scrollHeight - 20; };
    // As text: `of` is made anew whenever the page changes, which is no reason to begin again.
    watch(() => JSON.stringify([props.of, log.stream]), open, { immediate: true });
    onUnmounted(() => stop());
    return () => h('div', { class: 'log' }, [
      h('div', { class: 'tabs', role: 'group', 'aria-label': 'Which log' }, [
        ...['stdout', 'stderr'].map((name) => h('button', { type: 'button', 'aria-pressed': log.stream === name, onClick: () => { log.stream = name; } }, name)),
        h('span', { class: 'soft', role: 'status' }, log.told),
      ]),
      h('pre', { ref: box, tabindex: 0, 'aria-label': `${log.stream} of the task`, onScroll: scrolled }, [
        log.skipped ? h('span', { class: 'soft' }, `… ${number(log.skipped)} bytes before this are not shown\n`) : null,
        log.text,
      ]),
    ]);
  },
};
