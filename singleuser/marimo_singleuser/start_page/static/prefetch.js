// While people read, the files of marimo's page come into the browser's cache, two at a time and
// behind everything else. One that fails ends it.
const ASSETS = [/* assets */];
const PAUSE_MS = 300, AT_ONCE = 2, ASK_AGAIN_MS = 1000;
const pause = (milliseconds) => new Promise((goOn) => setTimeout(goOn, milliseconds));
async function fetchNext(left) {
  const answer = await fetch(left.shift(), { priority: "low" }).catch(() => null);
  if (!answer || !answer.ok) left.length = 0;
  else await answer.arrayBuffer().catch(() => null);
}
async function fetchAhead() {
  if (navigator.connection?.saveData) return;
  const left = [...ASSETS];
  await fetchNext(left);
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left.length) await fetchNext(left);
  }));
}
// The page says that the editor is still starting, until it is ready.
async function waitForEditor() {
  const note = document.getElementById("starting");
  while (note?.isConnected) {
    await pause(ASK_AGAIN_MS);
    const answer = await fetch("_mosshub/status?seen=").catch(() => null);
    const status = answer?.ok ? await answer.json().catch(() => null) : null;
    if (status?.editor === "ready") note.remove();
  }
}
addEventListener("load", async () => {
  waitForEditor();
  await pause(PAUSE_MS);
  await fetchAhead();
});
