// While people read, the files of marimo's page come into the browser's cache, two at a time and
// behind everything else. The first is answered as soon as marimo runs; one that fails ends it.
const ASSETS = [/* assets */];
const PAUSE_MS = 300, AT_ONCE = 2;
async function fetchNext(left) {
  const answer = await fetch(left.shift(), { priority: "low" }).catch(() => null);
  if (!answer || !answer.ok) left.length = 0;
  else await answer.arrayBuffer().catch(() => null);
}
async function fetchAhead() {
  const left = [...ASSETS];
  await fetchNext(left);
  if (left.length) document.getElementById("starting")?.remove();
  if (navigator.connection?.saveData) return;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left.length) await fetchNext(left);
  }));
}
addEventListener("load", () => setTimeout(fetchAhead, PAUSE_MS));
