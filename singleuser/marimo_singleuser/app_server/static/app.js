// Asks again and again whether the viewer may see this app. When they may not, the app is gone from the page.
const { base, hub, app, mark } = document.getElementById("mosshub-app").dataset;
const says = document.querySelector("#mosshub-app p");
const POLL_MS = 2500;
let misses = 0;
const WHY = { idle: "Nobody looked at it for a while.", unpublished: "Its author unpublished it.", admin: "An admin stopped it.", user: "Its author stopped it.", memory: "It used more than its memory.", crash: "It ended by itself." };
function say(text, label) {
  if (says.dataset.said === text) return;
  says.dataset.said = text;
  says.hidden = !text;
  says.textContent = text;
  if (!label) return;
  const link = document.createElement("a");
  Object.assign(link, { href: app, textContent: label });
  says.append(link);
}
// What was shown is taken away: nobody reads on who may not.
function end(text) {
  document.body.classList.add("mosshub-gone");
  document.getElementById("root")?.replaceChildren();
  say(text, "To the app's page");
}
async function ask(url, options) {
  try {
    const answer = await fetch(url, { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(6000), ...options });
    return [answer.status, await answer.json().catch(() => null)];
  } catch {
    return [0, null];
  }
}
async function look() {
  const [code, status] = await ask(`${base}_mosshub/status?seen=${document.hidden ? "" : "yes"}`);
  if (code === 200 && status?.mark === mark) {
    misses = 0;
    say("");
  } else if (code === 200 && status?.mark) {
    return end("Somebody else signed in here, or the app was started again.");
  } else if (code === 403) {
    return end("You may not open this app any more, or you are signed out.");
  } else if (++misses > 1) {
    const url = `${hub}mosshub/server-status?server=${encodeURIComponent(base)}`;
    const [, server] = await ask(url, { credentials: "omit" });
    if (server?.state === "stopped") return end(`This app is stopped. ${WHY[server.why] ?? ""}`);
    say("The app does not answer at the moment. This page tries again.");
  }
  setTimeout(look, POLL_MS);
}
setTimeout(look, POLL_MS);
