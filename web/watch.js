// Looks after what changes without this page: another tab, a person who answers, a server that is back.

const PAUSE = 15_000; // ms between two looks while the page can be seen

/** Call `look()` every so often while the page is in view, and `returned()` when it or the network comes back. */
export function watchFor({ look, returned }) {
  const back = () => {
    if (document.visibilityState !== "visible") return;
    returned();
    look();
  };
  document.addEventListener("visibilitychange", back);
  addEventListener("online", back);
  setInterval(() => document.visibilityState === "visible" && look(), PAUSE);
}
