// The frame around marimo's page. This part holds marimo's socket and its requests: marimo sees one
// connection that stays, whatever happens behind it.
const frame = document.querySelector("mosshub-frame");
const { base, hub, owner, viewer, notebook, startUrl } = frame.dataset;
const SESSION_END = "MARIMO_SHUTDOWN", TYPING_MS = 1500, MOST_HELD = 500;
// What is sent again later. An interrupt or a stop is not: it would come at a wrong time.
const HELD = /^api\/(document\/|kernel\/(?!interrupt|shutdown|restart|takeover))/;
const NativeSocket = window.WebSocket, nativeFetch = window.fetch.bind(window);
const link = { socket: null, down: false, ended: false, blocked: false, kernel: 0, token: "" };
const held = [];  // requests that wait: {request, path, kernel, promise, resolve}
let typedAt = -TYPING_MS, runningSince = 0, flushing = false;
const below = (url) => {
  const { host, pathname } = new URL(url, document.baseURI);
  return host === location.host && pathname.startsWith(base) ? pathname.slice(base.length) : null;
};

class HeldSocket extends EventTarget {
  readyState = 0; binaryType = "blob"; bufferedAmount = 0; extensions = ""; protocol = "";
  constructor(url) {
    super();
    this.url = String(url);
    link.socket = this;
    this.open();
    setTimeout(() => {
      if (this.readyState === 0) this.emit(new Event("open"), 1);
    });
  }
  emit(event, state = this.readyState) {
    this.readyState = state;
    this[`on${event.type}`]?.(event);
    this.dispatchEvent(event);
  }
  open() {
    if (this.real || this.readyState > 1) return;
    const real = this.real = new NativeSocket(this.url);
    real.onmessage = ({ data }) => real === this.real && this.take(data);
    real.onclose = (event) => {
      if (real !== this.real) return;
      this.real = null;
      if (event.reason.startsWith("MARIMO_") && event.reason !== SESSION_END) {
        this.emit(new CloseEvent("close", event), 3);  // marimo says why
        return;
      }
      link.down = true;
      link.ended ||= event.reason === SESSION_END;
      runningSince = 0;
      look();
    };
  }
  take(data) {
    const op = /^\{"op":\s*"([\w-]+)"/.exec(data)?.[1];
    const title = op === "banner" || op === "alert" ? JSON.parse(data).data.title : "";
    if (title === "Reconnected" || title === "Kernel stopped") return;  // the frame says it
    const isNew = op === "kernel-ready" && !JSON.parse(data).data.resumed;
    if (isNew && link.kernel++) say("new-kernel");
    this.emit(new MessageEvent("message", { data }));
    // A cell was stopped, or its inputs changed: from now on an app has marimo's button to run cells.
    if (/"stale_inputs": ?true|"interruption"/.test(data)) frame.setAttribute("waits", "");
    if (op === "kernel-ready" || op === "reconnected") {
      Object.assign(link, { down: false, ended: false, starting: false });
      runningSince = 0;
      flush();
      look();
    } else if (op === "cell-op" && /"status":\s*"(running|queued)"/.test(data)) {
      runningSince ||= Date.now();
    } else if (op === "completed-run" && runningSince) {
      finished(Date.now() - runningSince);
      runningSince = 0;
    }
  }
  send(data) {
    if (this.real?.readyState === 1) this.real.send(data);
  }
  close(code = 1000, reason = "") {
    const real = this.real;
    this.real = null;
    real?.close();
    if (this.readyState < 2) setTimeout(() => this.emit(new CloseEvent("close", { code, reason }), 3));
    this.readyState = 2;
  }
}

window.WebSocket = new Proxy(NativeSocket, {
  construct(native, [url, ...rest]) {
    return below(url.toString().replace(/^ws/, "http")) === "ws"
      ? new HeldSocket(url) : new native(url, ...rest);
  },
});
window.fetch = (input, init) => {
  const isPost = (init?.method ?? input.method ?? "GET").toUpperCase() === "POST";
  const path = isPost && below(input.url ?? input);
  return path && HELD.test(path) ? post(new Request(input, init), path) : nativeFetch(input, init);
};
addEventListener("keydown", () => { typedAt = performance.now(); }, true);

async function post(request, path) {
  const direct = !link.down && !link.blocked && !held.length;
  const answer = direct && await send(request);
  return answer || hold(request, path);
}
// Return marimo's answer; null if another answered, or nobody.
async function send(request) {
  const headers = new Headers(request.headers);
  if (link.token) headers.set("Marimo-Server-Token", link.token);
  try {
    const answer = await nativeFetch(new Request(request.clone(), { headers }));
    const isOurs = answer.headers.has("X-JupyterHub-Version");  // the proxy's, or the hub's
    const none = [401, 502, 503, 504].includes(answer.status)
      || (isOurs && [403, 404, 424].includes(answer.status));
    return none ? null : answer;
  } catch (error) {
    if (request.signal.aborted) throw error;
    return null;
  }
}
function hold(request, path) {
  const older = path.endsWith("/save") && held.findIndex((item) => item.path === path);
  const item = older > -1 && older !== false ? held.splice(older, 1)[0] : {};
  item.promise ??= new Promise((resolve) => { item.resolve = resolve; });
  held.push(Object.assign(item, { request, path, kernel: link.kernel }));
  if (held.length > MOST_HELD) held.shift().resolve(Response.json({ success: true }));
  link.blocked = true;
  look();
  return item.promise.then((answer) => answer.clone());
}
// Send what waits, in its order. What was meant for a kernel that is gone is dropped, but a save.
async function flush() {
  if (flushing) return;
  flushing = true;
  while (held.length && !link.down) {
    const [item] = held;
    const isStale = item.kernel !== link.kernel && !item.path.endsWith("/save");
    const answer = isStale ? Response.json({ success: true }) : await send(item.request);
    if (!answer) break;
    if (held[0] === item) held.shift();
    item.resolve(answer);
  }
  flushing = false;
  link.blocked = held.length > 0;
}
// The server is there and the viewer is signed in: connect again, and send what waits.
async function resume() {
  if (link.ended || performance.now() - typedAt < TYPING_MS) return;
  const { socket } = link;
  const isLost = socket && socket.readyState < 2 && !socket.real;
  if (!isLost && !link.blocked) return;
  // A marimo that was started again takes requests with its own token only.
  const page = await nativeFetch(location.href).then((answer) => answer.text()).catch(() => "");
  const parsed = new DOMParser().parseFromString(page, "text/html");
  const token = parsed.querySelector("marimo-server-token")?.dataset.token
    ?? /"serverToken":\s*"([^"]+)"/.exec(page)?.[1];
  if (!token) return;
  link.token = token;
  if (isLost) socket.open();
  else if (!socket || !link.down) {
    link.down = false;
    await flush();
  }
}
