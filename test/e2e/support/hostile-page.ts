/** A web page that tries to use an RPC it has no business with, in every way a page can send something. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** In the page: `attack(url, body)` resolves to what each way gave it, by name: `refused`, or what was read. */
const SCRIPT = `
const read = async (promise) => {
  try {
    const response = await promise;
    return response.type === 'opaque' ? 'refused' : response.status + ' ' + await response.text();
  } catch { return 'refused'; }
};
const form = (url, body) => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  frame.name = 'frame' + Math.random();
  document.body.appendChild(frame);
  const element = document.body.appendChild(document.createElement('form'));
  Object.assign(element, { method: 'POST', action: url, enctype: 'text/plain', target: frame.name });
  const input = element.appendChild(document.createElement('input'));
  // As text/plain this is sent as name=value: JSON, when the "=" is put into a string.
  Object.assign(input, { name: body.slice(0, -1) + ',"pad":"', value: '"}' });
  frame.onload = () => {
    let text = null;
    try { text = frame.contentDocument.body.innerText; } catch {}
    resolve(text === null ? 'refused' : text);
  };
  element.submit();
});
const socket = (url, body) => new Promise((resolve) => {
  const ws = new WebSocket(url.replace('http', 'ws'));
  ws.onopen = () => ws.send(body);
  ws.onmessage = (event) => resolve(event.data);
  ws.onclose = ws.onerror = () => resolve('refused');
});
const xhr = (url, body) => new Promise((resolve) => {
  const request = new XMLHttpRequest();
  request.open('POST', url);
  request.setRequestHeader('content-type', 'application/json');
  request.onload = () => resolve(request.status + ' ' + request.responseText);
  request.onerror = () => resolve('refused');
  request.send(body);
});
const attack = async (url, body) => {
  const json = { 'content-type': 'application/json' };
  const text = { 'content-type': 'text/plain' };
  const blob = new Blob([body], { type: 'application/json' });
  const sent = {
    json: await read(fetch(url, { method: 'POST', headers: json, body })),
    xhr: await xhr(url, body),
    text: await read(fetch(url, { method: 'POST', headers: text, body })),
    blind: await read(fetch(url, { method: 'POST', mode: 'no-cors', headers: text, body })),
    blindJson: await read(fetch(url, { method: 'POST', mode: 'no-cors', body: blob })),
    form: await form(url, body),
    socket: await socket(url, body),
    metrics: await read(fetch(url + '/metrics')),
  };
  navigator.sendBeacon(url, blob);
  navigator.sendBeacon(url, body);
  return sent;
};
`;

export const HOSTILE_PAGE = `<!doctype html><title>page</title><body><script>${SCRIPT}</script>`;

/** Serves the page on a free port of this machine. */
export async function servePage(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(HOSTILE_PAGE));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}
