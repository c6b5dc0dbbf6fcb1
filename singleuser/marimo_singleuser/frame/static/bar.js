// This part is the bar, and what it says.
const signedIn = `${base}_mosshub/signed-in`;
const whose = viewer === owner ? "Your" : `${owner}'s`;
const gb = (bytes) => String(Number((bytes / 2 ** 30).toPrecision(2)));
const WHY = {
  user: "You stopped it.", admin: "An admin stopped it.", crash: "It ended by itself.",
  memory: "It used more than its memory.", idle: "Nobody used it for a while.",
};
function endedText({ reason, size, limit }) {
  if (reason === "stopped") return "This notebook is stopped. Your changes are still here.";
  if (reason === "idle") return "Your kernel was stopped to give memory back. It runs again when you touch this page.";
  const figures = size > 0.75 * limit || reason !== "memory" ? ` at ${gb(size)} of ${gb(limit)} GB` : "";
  const how = reason === "memory" ? "It used up the memory: load less at a time, or ask an admin for more."
    : `It was ended (${reason}).`;
  return `Your kernel ended${size ? figures : ""}. ${how} Your changes are still here; its variables are lost.`;
}
// What is said: text, and a link or a button. The first that holds is said.
function message() {
  const { trouble, why, other, status, note, ended } = facts;
  const signIn = { label: "Sign in", href: signedIn };
  if (!navigator.onLine) return { text: "You are offline. Your changes are still here." };
  switch (trouble) {
    case "signed-out": return { text: "You are signed out. Your changes are still here.", action: signIn, alert: 1 };
    case "changed": return { text: `You are signed in as ${other} now, and this page is ${viewer}'s. Its changes are kept here until ${viewer} signs in.`, alert: 1 };
    case "refused": return { text: `You may not open ${owner}'s editor any more.`, alert: 1 };
    case "stopped": return {
      text: `${whose} editor is stopped. ${WHY[why] ?? ""} Your changes are still here.`, alert: 1,
      action: { label: "Start again", href: `${startUrl}?next=${encodeURIComponent(signedIn)}` },
    };
    case "starting": return { text: `${whose} editor is starting …` };
    case "away": return { text: `${whose} editor does not answer. Your changes are still here; this page tries again by itself.` };
  }
  if (link.ended && ended) {
    return { text: endedText(ended), alert: 1, action: { label: "Start the kernel again", click: startKernel } };
  }
  if (status?.editor === "starting") return { text: `${whose} editor is starting …` };
  if (status?.editor === "failing") return { text: `${whose} editor does not start. It is tried again.` };
  if (link.starting) return { text: "The kernel is starting …" };
  const told = status?.messages?.find(({ id }) => localStorage.getItem("mosshub-read:" + id) === null);
  if (told) {
    const read = () => { localStorage.setItem("mosshub-read:" + told.id, ""); render(); };
    return { text: told.text, action: { label: "Dismiss", click: read } };
  }
  if (note === "back") return { text: "The broker is back." };
  if (note === "new-kernel") return { text: "This notebook has a new kernel. Its cells run again." };
  if (note === "finished") {
    const askable = window.Notification?.permission === "default";
    const permit = () => Notification.requestPermission().then(dismiss);
    return { text: "A long run has finished.", action: askable ? { label: "Notify me next time", click: permit } : { label: "Dismiss", click: dismiss } };
  }
  const left = status?.stops_in;
  if (typeof left === "number" && left < WARNED_S) return {
    text: `${whose} editor stops ${left < 60 ? "in a moment" : `in ${Math.round(left / 60)} min`}: nobody uses it. Outputs are kept.`,
    alert: 1, action: { label: "Keep", click: keep },
  };
  if (status?.hub === "away") return { text: "The hub is restarting; your notebook goes on." };
  if (status?.broker === "away") return { text: "The broker is away. Your notebook goes on." };
  return null;
}
const WARNED_S = 600;  // before a stop for idleness
const keep = () => nativeFetch(`${base}_mosshub/keep`, { method: "POST" }).then(look);
const dismiss = () => { facts.note = null; render(); };

class MosshubFrame extends HTMLElement {
  connectedCallback() {
    this.byId = (id) => this.shadowRoot.getElementById(id);
  }
  meter(id, { used, limit }, unit) {
    const meter = this.byId(id), text = `${used} of ${limit} ${unit}`;
    meter.hidden = false;
    meter.classList.toggle("high", used >= 0.85 * limit);
    for (const [name, value] of [["now", used], ["max", limit], ["text", text]]) meter.setAttribute(`aria-value${name}`, value);
    meter.querySelector("s").style.width = `${Math.min(100, (100 * used) / limit)}%`;
    meter.querySelector("em").textContent = text;
    meter.title = `${meter.ariaLabel}: ${text}`;
  }
  render() {
    const { memory, cpu } = facts.status ?? {};
    if (memory) this.meter("memory", { used: gb(memory.used), limit: gb(memory.limit) }, "GB");
    if (cpu) this.meter("cpu", { used: cpu.used.toFixed(1), limit: cpu.limit }, cpu.limit === 1 ? "core" : "cores");
    this.byId("kept")?.replaceChildren(facts.status?.kept ?? "");
    const said = message(), key = JSON.stringify(said);
    if (key === this.said) return;  // a screen reader says it once
    this.said = key;
    const box = this.byId("said"), [status, alert] = box.querySelectorAll("p");
    box.hidden = !said;
    box.className = said?.alert ? "alert" : "";
    status.textContent = said && !said.alert ? said.text : "";
    alert.textContent = said?.alert ? said.text : "";
    const action = said?.action, button = action && document.createElement(action.href ? "a" : "button");
    if (action) {
      button.textContent = action.label;
      button.onclick = action.click ?? openWindow;
      if (action.href) Object.assign(button, { href: action.href, target: "mosshub-window" });
    }
    this.byId("action").replaceChildren(...(button ? [button] : []));
  }
}
const render = () => frame.render();
customElements.define("mosshub-frame", MosshubFrame);
look();
