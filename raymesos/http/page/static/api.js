// How the page reaches the server: calls, and streams of server-sent events that come back by themselves.
// Who looks is known to the browser, which asks for a token where one is needed. Streams are read with fetch: EventSource does not say why it was refused.

const BASE = new URL('api/', document.baseURI);
const AGAIN_MS = [500, 1000, 2000, 5000];

export class Problem extends Error {
  constructor(status, said) {
    super(said.message || `the server answered ${status}`);
    this.status = status;
    this.field = said.field || '';
  }
}

async function request(path, options = {}) {
  const answer = await fetch(new URL(path, BASE), options);
  if (answer.ok) return answer;
  const text = await answer.text();
  let said = {};
  try { said = JSON.parse(text); } catch { said = { message: text.slice(0, 300) }; }
  throw new Problem(answer.status, said);
}

export const get = async (path) => (await request(path)).json();

export const view = (name, given = {}) => get(`views/${name}?${new URLSearchParams(given)}`);

// A call of Mesos' operator API.
export async function act(type, given) {
  const body = JSON.stringify({ type, [type.toLowerCase()]: given });
  await request('v1', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
}

export const cancelJob = (id) => request(`v3/jobs/${encodeURIComponent(id)}`, { method: 'DELETE' });

// `on(event, data)` for each event; `told(problem or null)` when the stream breaks and when it is there. Returns what ends it.
export function follow(path, on, told = () => {}) {
  const stop = new AbortController();
  (async () => {
    let id = '';
    for (let tries = 0; !stop.signal.aborted; tries += 1) {
      try {
        const headers = id ? { 'last-event-id': id } : {};
        const answer = await request(path, { headers, signal: stop.signal });
        told(null);
        for await (const event of events(answer.body)) {
          tries = 0;
          if (event.id) id = event.id;
          on(event.name, event.data);
        }
      } catch (problem) {
        if (stop.signal.aborted) return;
        told(problem);
        if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return;
      }
      await new Promise((ready) => setTimeout(ready, AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]));
    }
  })();
  return () => stop.abort();
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (held + value).split(/\r?\n\r?\n/);
    held = blocks.pop();
    for (const block of blocks) {
      const event = { name: 'message', data: null, id: '' };
      for (const line of block.split(/\r?\n/)) {
        const at = line.indexOf(': ');
        const [key, text] = [line.slice(0, at), line.slice(at + 2)];
        if (key === 'event') event.name = text;
        else if (key === 'id') event.id = text;
        else if (key === 'data') event.data = JSON.parse(text);
      }
      if (event.data !== null) yield event;
    }
  }
}
