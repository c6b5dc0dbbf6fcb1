// This part knows how the platform is: it asks the user's server, or the hub when that is gone.
const POLL_MS = 2500, HIDDEN_POLL_MS = 5000, AGAIN_MS = 700, LONG_RUN_MS = 20000;
const NOTES = { back: 6000, "new-kernel": 9000 };  // how long they are shown; others stay
const facts = { trouble: null, why: null, other: "", status: null, note: null, ended: null };
const channel = new BroadcastChannel("mosshub");
let misses = 0, since = 0, looking = null, timer = 0, noteTimer = 0;

async function ask(url, options) {
  const signal = AbortSignal.timeout(6000);
  try {
    const answer = await nativeFetch(url, { redirect: "manual", cache: "no-store", signal, ...options });
    return [answer.status, await answer.json().catch(() => null)];
  } catch {
    return [0, null];
  }
}
function look() {
  looking ??= lookOnce().finally(() => {
    looking = null;
    clearTimeout(timer);
    const soon = misses === 1 || (!facts.trouble && !link.ended && (link.down || link.blocked));
    timer = setTimeout(look, soon ? AGAIN_MS : document.hidden ? HIDDEN_POLL_MS : POLL_MS);
    render();
  });
  return looking;
}
async function lookOnce() {
  const [code, status] = await ask(`${base}_mosshub/status?seen=${document.hidden ? "" : pageId()}`);
  const before = facts.trouble;
  if (code === 200 && status?.viewer) {
    misses = 0;
    if (facts.status?.broker === "away" && status.broker === "up") say("back");
    since ||= status.now;
    facts.status = status;
    facts.trouble = status.viewer === viewer ? null : "changed";
    facts.other = status.viewer;
    findEnded(status);
  } else if ((code === 401 || code === 403) && status) {
    misses = 0;
    facts.other = status.viewer;
    facts.trouble = code === 401 ? "signed-out" : status.viewer === viewer ? "refused" : "changed";
  } else if (++misses > 1) {
    await askHub();
  }
  if (facts.trouble) {
    link.blocked = true;
    if (!before) channel.postMessage("look");
  } else if (!misses && status.editor === "ready") {
    await resume();
  }
}
async function askHub() {
  const url = `${hub}mosshub/server-status?server=${encodeURIComponent(base)}`;
  const [code, server] = await ask(url, { credentials: "omit" });
  facts.trouble = code === 200 && server?.state !== "up" ? server?.state ?? "away" : "away";
  facts.why = server?.why;
}
function findEnded(status) {
  if (!link.ended) {
    facts.ended = null;
    since = status.now;
    return;
  }
  const id = pageId();
  const isOurs = ({ sessions, notebook: name, path }) =>
    sessions.includes(id) || name === notebook || path === notebook;
  facts.ended = status.ended.findLast((kernel) => isOurs(kernel) && kernel.at > since - 10)
    ?? { reason: "stopped" };
}
const pageId = () => link.socket ? new URL(link.socket.url).searchParams.get("session_id") : "";
// A kernel that nobody used runs again when its page is touched.
function touched() {
  if (link.ended && !facts.trouble && facts.ended?.reason === "idle") startKernel();
}
for (const type of ["pointerdown", "keydown"]) addEventListener(type, touched, true);
function startKernel() {
  Object.assign(link, { ended: false, starting: true });
  since = facts.status.now;
  typedAt = -TYPING_MS;
  look();
}
function say(note) {
  facts.note = note;
  clearTimeout(noteTimer);
  if (NOTES[note]) noteTimer = setTimeout(() => { facts.note = null; render(); }, NOTES[note]);
  render();
}
function finished(took) {
  if (took < LONG_RUN_MS || !document.hidden) return;
  document.title = `✓ ${document.title.replace(/^✓ /, "")}`;
  say("finished");
  if (window.Notification?.permission === "granted") {
    const shown = new Notification("A long run has finished", { body: frame.dataset.title });
    shown.onclick = () => focus();
  }
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.title = document.title.replace(/^✓ /, "");
  look();
});
addEventListener("online", look);
channel.onmessage = look;
// A small window in which the user signs in, or starts the editor. The page stays as it is.
function openWindow(event) {
  const size = "popup,width=560,height=720";
  if (window.open(event.currentTarget.href, "mosshub-window", size)) event.preventDefault();
}
